#pragma once
#include <libxml/xmlversion.h>
/* Debian builds libxml2 with ICU, whose headers clash with those inside Foundation; nothing here needs them. */
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

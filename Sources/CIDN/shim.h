#pragma once
#include <stdlib.h>
#include <stringprep.h>

/* The profiles, which libidn's header offers only as macros. `text` is NUL-terminated UTF-8 in a buffer of `capacity` bytes.
   Code points that Unicode 3.2 had not assigned (emoji, for one) pass: clients use them, and the other servers let them. */
static inline int mimd_nodeprep(char *text, size_t capacity) {
    return stringprep(text, capacity, (Stringprep_profile_flags)0, stringprep_xmpp_nodeprep);
}
static inline int mimd_nameprep(char *text, size_t capacity) {
    return stringprep(text, capacity, (Stringprep_profile_flags)0, stringprep_nameprep);
}
static inline int mimd_resourceprep(char *text, size_t capacity) {
    return stringprep(text, capacity, (Stringprep_profile_flags)0, stringprep_xmpp_resourceprep);
}
static inline int mimd_saslprep(char *text, size_t capacity) {
    return stringprep(text, capacity, (Stringprep_profile_flags)0, stringprep_saslprep);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* xmlbench CHUNK SECONDS: feeds a stream of <message> stanzas (as xmppload sends them) to
 *   libxml2 push parser, SAX2 callbacks that only count        (sax)
 *   libxml2 push parser, callbacks that build+free a small tree per stanza (tree: malloc per element/attr/text)
 *   expat, counting callbacks, for comparison
 * CHUNK = 0: one stanza per push; otherwise CHUNK bytes per push. Then the memory of idle contexts. */
#define _GNU_SOURCE
#include <expat.h>
#include <libxml/parser.h>
#include <libxml/SAX2.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static long rss(void) { FILE *f = fopen("/proc/self/statm", "r"); long a, b = 0; if (fscanf(f, "%ld %ld", &a, &b) != 2) b = 0; fclose(f); return b * 4096; }
static long nel, nch, depth, nst;
static void s_el(void *c, const xmlChar *l, const xmlChar *p, const xmlChar *u, int nn, const xmlChar **ns, int na, int nd, const xmlChar **at) { nel++; depth++; }
static void e_el(void *c, const xmlChar *l, const xmlChar *p, const xmlChar *u) { if (--depth == 1) nst++; }
static void chr(void *c, const xmlChar *s, int n) { nch += n; }
/* tree */
typedef struct nd { char *name, *ns; int na; struct { char *k, *v; } a[8]; struct nd *up, *kid, *next; char *txt; } nd;
static nd *cur;
static char *dup2_(const xmlChar *p, size_t n) { char *r = malloc(n + 1); memcpy(r, p, n); r[n] = 0; return r; }
static void ts_el(void *c, const xmlChar *l, const xmlChar *p, const xmlChar *u, int nn, const xmlChar **ns, int na, int ndf, const xmlChar **at) {
  nel++;
  if (depth++ == 0) return;
  nd *x = calloc(1, sizeof *x);
  x->name = strdup((char *)l);
  x->ns = u ? strdup((char *)u) : NULL;
  for (int i = 0; i < na && i < 8; i++, at += 5) { x->a[i].k = strdup((char *)at[0]); x->a[i].v = dup2_(at[3], at[4] - at[3]); x->na++; }
  x->up = cur;
  if (cur) { x->next = cur->kid; cur->kid = x; }
  cur = x;
}
static void fr(nd *x) { while (x) { nd *n = x->next; fr(x->kid); for (int i = 0; i < x->na; i++) { free(x->a[i].k); free(x->a[i].v); } free(x->name); free(x->ns); free(x->txt); free(x); x = n; } }
static void te_el(void *c, const xmlChar *l, const xmlChar *p, const xmlChar *u) {
  depth--;
  if (!cur) return;
  nd *x = cur;
  cur = x->up;
  if (depth == 1) { nst++; fr(x); }
}
static void tchr(void *c, const xmlChar *s, int n) { nch += n; if (cur) { free(cur->txt); cur->txt = dup2_(s, n); } }
static void xs(void *c, const char *n, const char **a) { nel++; depth++; }
static void xe(void *c, const char *n) { if (--depth == 1) nst++; }
static void xc(void *c, const char *s, int n) { nch += n; }
static const char *HDR = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
int main(int c, char **v) {
  if (c < 3) return 64;
  int chunk = atoi(v[1]);
  double secs = atof(v[2]);
  char st[1000];
  int sl = sprintf(st, "<message to='user1@localhost/r' type='chat' id='t0000123456789abc'><body>%s</body></message>", "abcdef hijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuv");
  int per = chunk ? chunk * 64 : sl * 64;
  int reps = per / sl + 2;
  char *big = malloc(reps * sl);
  for (int i = 0; i < reps; i++) memcpy(big + i * sl, st, sl);
  int step = chunk ? chunk : sl, total = chunk ? (reps * sl / (chunk * sl) + 1) * 0 + sl * chunk : sl * 64; /* a multiple of the stanza length */
  if (chunk) { free(big); big = malloc(total); for (int i = 0; i < chunk; i++) memcpy(big + i * sl, st, sl); }
  static const char *names[] = {"libxml2_sax_count", "libxml2_tree", "expat_count"};
  for (int k = 0; k < 3; k++) {
    nel = nch = depth = nst = 0;
    cur = NULL;
    xmlSAXHandler h;
    memset(&h, 0, sizeof h);
    h.initialized = XML_SAX2_MAGIC;
    h.startElementNs = k ? ts_el : s_el;
    h.endElementNs = k ? te_el : e_el;
    h.characters = k ? tchr : chr;
    xmlParserCtxtPtr x = NULL;
    XML_Parser e = NULL;
    if (k < 2) { x = xmlCreatePushParserCtxt(&h, NULL, NULL, 0, NULL); xmlCtxtUseOptions(x, XML_PARSE_NOENT | XML_PARSE_HUGE); xmlParseChunk(x, HDR, strlen(HDR), 0); }
    else { e = XML_ParserCreateNS(NULL, 0x1f); XML_SetElementHandler(e, xs, xe); XML_SetCharacterDataHandler(e, xc); XML_Parse(e, HDR, strlen(HDR), 0); }
    double t = cpu(), d;
    long bytes = 0;
    do {
      for (int o = 0; o < total; o += step) {
        int n = total - o < step ? total - o : step;
        if (k < 2) { if (xmlParseChunk(x, big + o, n, 0)) { fprintf(stderr, "parse error %d\n", xmlCtxtGetLastError(x) ? xmlCtxtGetLastError(x)->code : 0); return 1; } }
        else if (XML_Parse(e, big + o, n, 0) != XML_STATUS_OK) { fprintf(stderr, "expat error\n"); return 1; }
        bytes += n;
      }
    } while ((d = cpu() - t) < secs);
    printf("{\"yard\":\"xml_parse\",\"parser\":\"%s\",\"chunk\":%d,\"stanza_bytes\":%d,\"stanzas\":%ld,\"stanzas_per_s\":%.0f,\"mb_per_s\":%.1f,\"us_per_stanza\":%.3f}\n", names[k], chunk, sl, nst, nst / d, bytes / d / 1e6, d / nst * 1e6);
    if (x) xmlFreeParserCtxt(x);
    if (e) XML_ParserFree(e);
  }
  if (c > 3) { /* idle contexts */
    int N = atoi(v[3]);
    for (int k = 0; k < 3; k++) {
      void **p = malloc(N * sizeof *p);
      memset(p, 0, N * sizeof *p);
      malloc_trim(0);
      long r0 = 0, m0 = 0;
      for (int i = 0; i < N; i++) {
        if (i == N / 10) { r0 = rss(); m0 = mallinfo2().uordblks; }
        if (k < 2) {
          xmlSAXHandler h;
          memset(&h, 0, sizeof h);
          h.initialized = XML_SAX2_MAGIC;
          h.startElementNs = s_el; h.endElementNs = e_el; h.characters = chr;
          p[i] = xmlCreatePushParserCtxt(&h, NULL, NULL, 0, NULL);
          xmlParseChunk(p[i], HDR, strlen(HDR), 0);
          if (k == 1) for (int j = 0; j < 8; j++) xmlParseChunk(p[i], st, sl, 0);
        } else { p[i] = XML_ParserCreateNS(NULL, 0x1f); XML_SetElementHandler(p[i], xs, xe); XML_SetCharacterDataHandler(p[i], xc); XML_Parse(p[i], HDR, strlen(HDR), 0); for (int j = 0; j < 8; j++) XML_Parse(p[i], st, sl, 0); }
      }
      double m = N - N / 10;
      static const char *nm[] = {"libxml2_push_ctx_after_header", "libxml2_push_ctx_after_8_stanzas", "expat_after_8_stanzas"};
      printf("{\"yard\":\"xml_idle_memory\",\"what\":\"%s\",\"n\":%.0f,\"rss_bytes_each\":%.0f,\"malloc_bytes_each\":%.0f}\n", nm[k], m, (rss() - r0) / m, ((long)mallinfo2().uordblks - m0) / m);
      for (int i = 0; i < N; i++) if (k < 2) xmlFreeParserCtxt(p[i]); else XML_ParserFree(p[i]);
      free(p);
    }
  }
}

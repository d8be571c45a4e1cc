#pragma once
/* What Swift's Glibc module leaves out. _GNU_SOURCE must not be set here: it changes structures that other modules share. */
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

/* accept4(2), which the headers hide without _GNU_SOURCE: non-blocking, closed on exec. */
int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int mimd_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
    return accept4(listener, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

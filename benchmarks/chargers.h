/* The chargers' side of the wire: sockets, handshakes, frames. Included by wsload.c only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 4096, MOST_EVENTS = 1024 };
typedef enum { CONNECTING, UPGRADING, IDLE, WAITING, GONE } State;

typedef struct {
    int fd, have;
    State state;
    unsigned calls, readings; /* how many it has sent; the register follows the readings */
    long long since;          /* when its last call was sent, or was due */
    long next;                /* at a fixed rate: the number of its next message */
    char id[9];
    char in[ROOM];
} Charger;

static Charger *chargers;
static int count, first, port, epoll;
static const char *path, *password;
static long up, failed, sent, answered, errors, closed, served;

static void take_answer(Charger *c, const char *text, int size);

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long now(void) { return now_ns(CLOCK_MONOTONIC); }

static void gone(Charger *c) {
    if (c->state == CONNECTING || c->state == UPGRADING) failed++;
    else closed++;
    if (c->state == WAITING) errors++;
    c->state = GONE;
    close(c->fd);
}

static void put(Charger *c, const char *bytes, int size) {
    if (write(c->fd, bytes, size) != size) gone(c);
}

/* A client's frame must be masked; a mask of zeros leaves the text as it is. */
static int head(char *to, int opcode, int size) {
    int n = 0;
    to[n++] = 0x80 | opcode;
    if (size < 126) to[n++] = 0x80 | size;
    else to[n++] = 0x80 | 126, to[n++] = size >> 8, to[n++] = size & 255;
    memset(to + n, 0, 4);
    return n + 4;
}

static void base64(char *to, const char *from, int size) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < size; i += 3) {
        unsigned b = (from[i] & 255) << 16;
        if (i + 1 < size) b |= (from[i + 1] & 255) << 8;
        if (i + 2 < size) b |= from[i + 2] & 255;
        for (int k = 0; k < 4; k++) *to++ = i + k > size ? '=' : digit[b >> (18 - 6 * k) & 63];
    }
    *to = 0;
}

static void hello(Charger *c) {
    char name[64], plain[160], coded[240], text[800];
    const char *prefix = strrchr(path, '/') + 1;
    snprintf(name, sizeof name, "%s%05d", prefix, (int)(first + (c - chargers)));
    base64(coded, plain, snprintf(plain, sizeof plain, "%s:%s", name, password));
    int size = snprintf(text, sizeof text,
        "GET %.*s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic %s\r\n\r\n",
        (int)(prefix - path), path, name, port, coded);
    c->state = UPGRADING;
    put(c, text, size);
}

static void take_upgrade(Charger *c) {
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return;
    int used = end + 4 - c->in;
    if (strncmp(c->in, "HTTP/1.1 101", 12) || !strcasestr(c->in, "\nsec-websocket-protocol: ocpp1.6\r")) {
        if (failed < 3) fprintf(stderr, "turned away: %.*s\n", used, c->in);
        gone(c);
        return;
    }
    memmove(c->in, c->in + used, c->have - used + 1);
    c->have -= used;
    c->state = IDLE;
    up++;
}

/* The server's calls are accepted at once: [2,"id",...] -> [3,"id",{"status":"Accepted"}] */
static void serve(Charger *c, const char *text, int size) {
    char out[200];
    const char *end = size > 4 && text[3] == '"' ? memchr(text + 4, '"', size - 4) : NULL;
    if (!end || end - text > 60) {
        errors++;
        return;
    }
    int n = head(out, 1, 100); /* its length is put right below; 6 bytes either way */
    int size_out = snprintf(out + n, sizeof out - n, "[3,%.*s\",{\"status\":\"Accepted\"}]",
                            (int)(end - text - 3), text + 3);
    head(out, 1, size_out);
    put(c, out, n + size_out);
    served++;
}

static void take_frame(Charger *c, int opcode, const char *text, int size) {
    char out[140];
    if (opcode == 1 && size > 3 && text[1] == '2') serve(c, text, size);
    else if (opcode == 1) take_answer(c, text, size);
    else if (opcode == 8) gone(c);
    else if (opcode == 9) {
        int n = head(out, 10, size);
        memcpy(out + n, text, size);
        put(c, out, n + size);
    }
}

static void take_input(Charger *c) {
    int got = read(c->fd, c->in + c->have, ROOM - 1 - c->have);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        gone(c);
        return;
    }
    c->have += got;
    c->in[c->have] = 0;
    if (c->state == UPGRADING) take_upgrade(c);
    while (c->state != GONE && c->state != UPGRADING && c->have >= 2) {
        int size = c->in[1] & 127, start = 2;
        if (size == 126) size = (c->in[2] & 255) << 8 | (c->in[3] & 255), start = 4;
        if (c->have < start + size) return;
        take_frame(c, c->in[0] & 15, c->in + start, size);
        memmove(c->in, c->in + start + size, c->have - start - size);
        c->have -= start + size;
    }
}

static void watch(Charger *c, int operation, int what) {
    struct epoll_event event = {.events = what, .data.ptr = c};
    epoll_ctl(epoll, operation, c->fd, &event);
}

static void dial(Charger *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CONNECTING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        perror("socket");
        exit(2);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) gone(c);
    else watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Handle what has come, waiting at most `ns`; whether standard input has something too. */
static int turn(long long ns, void (*after)(Charger *)) {
    struct epoll_event events[MOST_EVENTS];
    struct timespec wait = {ns / 1000000000LL, ns % 1000000000LL};
    int n = epoll_pwait2(epoll, events, MOST_EVENTS, &wait, NULL), asked = 0;
    for (int i = 0; i < n; i++) {
        Charger *c = events[i].data.ptr;
        if (!c) asked = 1;
        else if (c->state == CONNECTING && events[i].events & EPOLLOUT) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN);
            hello(c);
        } else if (c->state != GONE) take_input(c);
        if (c && after && c->state == IDLE) after(c);
    }
    return asked;
}

/* Many charge points on one thread: the load generator of the benchmarks.
 *
 *   wsload PORT COUNT FIRST PATH PASSWORD WINDOW SESSION [CALL...]
 *
 * connects COUNT chargers (PATH followed by five digits from FIRST on, HTTP Basic with that name and
 * PASSWORD), at most WINDOW handshakes at a time; each sends the CALLs, one after the other, as soon
 * as it is connected; the time of the first one's answer is measured.
 * Then it obeys lines on standard input:
 *
 *   template LENGTH      the CALL to send, LENGTH bytes that follow; `marks` says what is filled in
 *   each WINDOW          every charger sends it once
 *   load WARM MS RATE    send for WARM + MS milliseconds: RATE a second over all chargers, latency
 *                        counted from the moment a message was due; 0: each as soon as it is answered
 *
 * One JSON line answers each. In between, calls of the server are accepted and pings answered.
 * SESSION is the transaction id of the first charger. Every answer's message id is checked. */
#include "chargers.h"

enum { STALL_MS = 30000 };

/* What stands in a template, at most once, and is filled in for each message. */
enum { ID, TRANSACTION, REGISTER, MOMENT, FIELDS };
static const char *marks[FIELDS] = {"@@ID@@@@", "1234567", "87654321", "2000-01-01T00:00:00.000Z"};
typedef struct {
    char text[ROOM + 8], *frame, *fields[FIELDS];
    int size;
} Template;
enum { MOST_GREETINGS = 4 };
static Template ordered, greetings[MOST_GREETINGS], *call = &ordered;
static int greeted;
static long session;

static long long *latencies;
static size_t measured, room;
static int measuring;

static void digits(char *at, int width, unsigned long value) {
    while (width--) at[width] = '0' + value % 10, value /= 10;
}

static void write_moment(char *at) {
    static time_t second;
    static char words[32];
    long long t = now_ns(CLOCK_REALTIME);
    if (t / 1000000000LL != second) {
        struct tm parts;
        second = t / 1000000000LL;
        gmtime_r(&second, &parts);
        strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    }
    memcpy(at, words, 24);
    digits(at + 20, 3, t / 1000000 % 1000);
}

static void send_call(Charger *c, long long since) {
    digits(c->id, 8, ++c->calls);
    if (call->fields[ID]) memcpy(call->fields[ID], c->id, 8);
    if (call->fields[TRANSACTION]) digits(call->fields[TRANSACTION], 7, session + (c - chargers));
    if (call->fields[REGISTER]) digits(call->fields[REGISTER], 8, 10000000 + ++c->readings);
    if (call->fields[MOMENT]) write_moment(call->fields[MOMENT]);
    c->since = since;
    c->state = WAITING;
    sent++;
    put(c, call->frame, call->size);
}

static void take_answer(Charger *c, const char *words, int size) {
    const char *id = words + 4 + (words[3] == ' ');
    if (c->state != WAITING || size < 14 || words[1] != '3' || memcmp(id, c->id, 8)) {
        if (errors++ < 3) fprintf(stderr, "wrong answer: %.*s\n", size, words);
        if (c->state == WAITING) c->state = IDLE;
        return;
    }
    answered++;
    c->state = IDLE;
    if (!measuring && !(greeted && c->calls == 1)) return; /* in a storm the first call counts */
    if (measured == room) {
        room = room ? room * 2 : 1 << 16;
        latencies = realloc(latencies, room * sizeof *latencies);
    }
    latencies[measured++] = now() - c->since;
}

/* The body stands behind eight bytes of room for the head before it. */
static void make_template(Template *made, int size) {
    char *body = made->text + 8, start[8];
    body[size] = 0;
    int n = head(start, 1, size);
    made->frame = memcpy(body - n, start, n);
    made->size = n + size;
    for (int i = 0; i < FIELDS; i++) made->fields[i] = strstr(body, marks[i]);
}

static void read_template(int size) {
    if (size >= ROOM || fread(ordered.text + 8, 1, size, stdin) != (size_t)size) exit(2);
    make_template(&ordered, size);
    printf("{\"template\": %d}\n", size);
}

static int by_size(const void *a, const void *b) {
    long long x = *(const long long *)a, y = *(const long long *)b;
    return x < y ? -1 : x > y;
}

static double ms(double part) { return measured ? latencies[(size_t)(part * (measured - 1))] / 1e6 : 0; }

/* sent and answered count the whole order; measured and the times its measured stretch. */
static void report(long sent_before, long answered_before, double seconds) {
    qsort(latencies, measured, sizeof *latencies, by_size);
    printf("{\"sent\": %ld, \"answered\": %ld, \"errors\": %ld, \"closed\": %ld, \"served\": %ld, \"measured\": %zu,"
           " \"seconds\": %.6f, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"max\": %.4f}\n",
           sent - sent_before, answered - answered_before, errors, closed, served, measured, seconds,
           ms(.5), ms(.9), ms(.99), ms(1));
}

static void greet(Charger *c) {
    if (c->calls >= (unsigned)greeted) return;
    call = &greetings[c->calls];
    send_call(c, now());
    call = &ordered;
}

static void storm(int window) {
    long long start = now(), moved = start;
    int dialled = 0;
    long wanted = (long)count * greeted;
    while ((up + failed < count || answered + errors < wanted) && now() - moved < STALL_MS * 1000000LL) {
        long before = up + failed + answered;
        while (dialled < count && dialled - up - failed < window) dial(&chargers[dialled++]);
        turn(100000000, greeted ? greet : NULL);
        if (up + failed + answered != before) moved = now();
    }
    printf("{\"connected\": %ld, \"failed\": %ld, \"seconds\": %.6f}\n", up, count - up, (now() - start) / 1e9);
    if (greeted) report(0, 0, (now() - start) / 1e9);
    greeted = 0;
}

static void each(int window) {
    long s = sent, a = answered, done = answered + errors;
    long long start = now(), give_up = start + 4 * STALL_MS * 1000000LL;
    int next = 0;
    measured = 0, measuring = 1;
    while ((next < count || answered + errors - done < sent - s) && now() < give_up) {
        for (; next < count && sent - s - (answered + errors - done) < window; next++)
            if (chargers[next].state == IDLE) send_call(&chargers[next], now());
        turn(10000000, NULL);
    }
    measuring = 0;
    report(s, a, (now() - start) / 1e9);
}

static void again(Charger *c) { send_call(c, now()); }

/* Message k is due k steps after the start, on charger k modulo count; a late one is not forgiven. */
static long long due_start, due_step;

static void send_due(Charger *c) {
    long long due = due_start + c->next * due_step;
    if (now() < due) return;
    c->next += count;
    send_call(c, due);
}

static long long until_due(long number) {
    long long wait = due_start + number * due_step - now();
    return wait < 0 ? 0 : wait < 5000000 ? wait : 5000000;
}

static void load(long warm_ms, long measure_ms, long rate) {
    long s = sent, a = answered, done = answered + errors, k = 0;
    long long start = now(), from = start + warm_ms * 1000000LL, until = from + measure_ms * 1000000LL, t;
    measured = 0;
    due_start = start, due_step = rate ? 1000000000LL / rate : 0;
    for (int i = 0; i < count; i++) {
        chargers[i].next = i;
        if (!rate && chargers[i].state == IDLE) again(&chargers[i]);
    }
    while ((t = now()) < until) {
        if (!measuring && t >= from) {
            measuring = 1, from = t;
            puts("{\"event\": \"begin\"}");
            fflush(stdout);
        }
        for (; rate && due_start + k * due_step <= t; k++)
            if (chargers[k % count].state == IDLE && chargers[k % count].next == k) send_due(&chargers[k % count]);
        turn(rate ? until_due(k) : 100000000, rate ? send_due : again);
    }
    measuring = 0;
    double seconds = (now() - from) / 1e9;
    puts("{\"event\": \"end\"}");
    fflush(stdout);
    for (until = now() + STALL_MS * 1000000LL; answered + errors - done < sent - s && now() < until;) turn(10000000, NULL);
    report(s, a, seconds);
}

int main(int words, char **word) {
    char line[100];
    long x, y, z;
    if (words < 8 || words > 8 + MOST_GREETINGS) return 2;
    port = atoi(word[1]), count = atoi(word[2]), first = atoi(word[3]);
    path = word[4], password = word[5], session = atol(word[7]);
    chargers = calloc(count, sizeof *chargers);
    for (greeted = 0; greeted < words - 8; greeted++) {
        strcpy(greetings[greeted].text + 8, word[8 + greeted]);
        make_template(&greetings[greeted], strlen(word[8 + greeted]));
    }
    epoll = epoll_create1(0);
    setvbuf(stdin, NULL, _IONBF, 0);
    storm(atoi(word[6]));
    fflush(stdout);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
    for (;;) {
        if (!turn(1000000000, NULL)) continue;
        if (!fgets(line, sizeof line, stdin)) return 0;
        epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
        if (sscanf(line, "template %ld", &x) == 1) read_template(x);
        else if (sscanf(line, "each %ld", &x) == 1) each(x);
        else if (sscanf(line, "load %ld %ld %ld", &x, &y, &z) == 3) load(x, y, z);
        else return 2;
        fflush(stdout);
        epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
    }
}

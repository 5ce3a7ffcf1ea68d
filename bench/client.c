/* A load client for where wrk is not installed: one thread, epoll, keep-alive, a fixed request on N connections.
 *
 *   client PORT CONNECTIONS SECONDS REQUEST_FILE      (the file holds the whole HTTP request, head and body)
 *
 * Each connection has one request in flight. Prints the line of JSON that wrk.lua prints. Answers must carry
 * Content-Length. Build: cc -O2 -o client client.c
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CAPACITY 65536
#define MOST_LATENCIES (1 << 24)
#define TIMEOUT_US 10000000.0

typedef struct {
    int fd;
    size_t sent, filled;
    double started;
    char answer[CAPACITY + 1];
} Connection;

typedef struct { long connect, read, write, status, timeout; } Errors;

static char request[1 << 20];
static size_t request_size;
static uint32_t *latencies; /* microseconds */
static size_t answers;
static Errors errors;
static int poller;
static struct sockaddr_in target;

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void watch(Connection *c, int how, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, how, c->fd, &event);
}

static void push(Connection *c) {
    while (c->sent < request_size) {
        ssize_t n = write(c->fd, request + c->sent, request_size - c->sent);
        if (n < 0) {
            if (errno == EAGAIN) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            else errors.write++;
            return;
        }
        c->sent += (size_t)n;
    }
}

static void begin(Connection *c) {
    c->sent = c->filled = 0;
    c->started = now_us();
    push(c);
}

static int join(Connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&target, sizeof target) < 0) {
        errors.connect++;
        close(c->fd);
        c->fd = -1;
        return 0;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    return 1;
}

static void rejoin(Connection *c) {
    close(c->fd);
    if (join(c)) begin(c);
}

/* The size of the whole answer once its head is here, else 0. */
static size_t whole(Connection *c) {
    c->answer[c->filled] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end) return 0;
    for (char *line = c->answer; line < end; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, "content-length:", 15))
            return (size_t)(end + 4 - c->answer) + strtoul(line + 15, NULL, 10);
    return (size_t)(end + 4 - c->answer);
}

static void finish(Connection *c) {
    if (strncmp(c->answer + 9, "2", 1) && strncmp(c->answer + 9, "3", 1)) errors.status++;
    if (answers < MOST_LATENCIES) latencies[answers] = (uint32_t)(now_us() - c->started);
    answers++;
    begin(c);
}

static void pull(Connection *c) {
    ssize_t n = read(c->fd, c->answer + c->filled, CAPACITY - c->filled);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        errors.read++;
        rejoin(c);
        return;
    }
    c->filled += (size_t)n;
    size_t size = whole(c);
    if (size && c->filled >= size) finish(c);
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(size_t n, double p) {
    if (!n) return 0;
    size_t at = (size_t)(p / 100 * (double)(n - 1) + 0.5);
    return latencies[at] / 1e6;
}

static void report(double elapsed_s) {
    size_t n = answers < MOST_LATENCIES ? answers : MOST_LATENCIES;
    qsort(latencies, n, sizeof *latencies, ascending);
    printf("DAYTWO-BENCH {\"requests\":%zu,\"duration_s\":%.6f,\"p50_s\":%.6f,\"p95_s\":%.6f,\"p99_s\":%.6f,"
           "\"p999_s\":%.6f,\"max_s\":%.6f,\"errors\":{\"connect\":%ld,\"read\":%ld,\"write\":%ld,\"status\":%ld,\"timeout\":%ld}}\n",
           answers, elapsed_s, percentile(n, 50), percentile(n, 95), percentile(n, 99), percentile(n, 99.9),
           percentile(n, 100),
           errors.connect, errors.read, errors.write, errors.status, errors.timeout);
}

static size_t slurp(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t n = fread(request, 1, sizeof request, file);
    fclose(file);
    return n;
}

static double drive(double seconds) {
    struct epoll_event events[256];
    double start = now_us(), end = start + seconds * 1e6;
    while (now_us() < end) {
        int n = epoll_wait(poller, events, 256, 50);
        for (int i = 0; i < n; i++) {
            Connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                watch(c, EPOLL_CTL_MOD, EPOLLIN);
                push(c);
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
        }
    }
    return (now_us() - start) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 5 || !(request_size = slurp(argv[4]))) {
        fprintf(stderr, "usage: client PORT CONNECTIONS SECONDS REQUEST_FILE\n");
        return 2;
    }
    int wanted = atoi(argv[2]);
    Connection *connections = calloc((size_t)wanted, sizeof *connections);
    latencies = malloc(MOST_LATENCIES * sizeof *latencies);
    poller = epoll_create1(0);
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(argv[1]));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < wanted; i++)
        if (join(&connections[i])) begin(&connections[i]);
    double elapsed_s = drive(atof(argv[3]));
    for (int i = 0; i < wanted; i++)
        if (connections[i].fd >= 0 && now_us() - connections[i].started > TIMEOUT_US) errors.timeout++;
    report(elapsed_s);
    return 0;
}

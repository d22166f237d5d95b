/* Asks a UDP tracker on 127.0.0.1 as fast as it answers (BEP 15), for tracker_bench.ts.
 *
 *     udp_load PORT ANNOUNCES SECONDS TORRENTS PEERS WANT
 *
 * Announce number i is of peer i / TORRENTS (modulo PEERS) of torrent i % TORRENTS, a leech that wants WANT
 * peers; 64 are under way at any time. Ends after ANNOUNCES answers or SECONDS seconds, and prints
 * {"answers": N, "seconds": S, "lost": N, "errors": N, "bytes": N}, bytes being those of all answers.
 * In C and with many packets a call, so that the load is not what is measured.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, WINDOW = 64, ANNOUNCE = 98, ANSWER = 2048 };

static unsigned char out[BATCH][ANNOUNCE], in[BATCH][ANSWER];
static struct mmsghdr sends[BATCH], receives[BATCH];
static struct iovec out_spans[BATCH], in_spans[BATCH];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void put32(unsigned char *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static int connect_to(int port) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  /* A lost packet must not end the run. */
  struct timeval patience = { .tv_usec = 100000 };
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) exit(1);
  return fd;
}

/* <connection id><1><transaction><info hash><peer id>…<left=1><event=0>…<num want><port> */
static void prepare(int fd, uint32_t want) {
  unsigned char question[16] = { 0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80 }, answer[16];
  send(fd, question, sizeof question, 0);
  if (recv(fd, answer, sizeof answer, 0) != sizeof answer) exit(2);
  for (int i = 0; i < BATCH; i++) {
    memcpy(out[i], answer + 8, 8);
    put32(out[i] + 8, 1);
    memcpy(out[i] + 16, "....sixteen bytes of", 20);
    memcpy(out[i] + 36, "-XX0000-twelve bytes", 20);
    put32(out[i] + 68, 1);
    put32(out[i] + 92, want);
    out_spans[i] = (struct iovec){ out[i], ANNOUNCE };
    in_spans[i] = (struct iovec){ in[i], ANSWER };
    sends[i].msg_hdr = (struct msghdr){ .msg_iov = &out_spans[i], .msg_iovlen = 1 };
    receives[i].msg_hdr = (struct msghdr){ .msg_iov = &in_spans[i], .msg_iovlen = 1 };
  }
}

int main(int argc, char **argv) {
  if (argc != 7) return 64;
  const long announces = atol(argv[2]), torrents = atol(argv[4]), peers = atol(argv[5]);
  const int fd = connect_to(atoi(argv[1]));
  prepare(fd, atoi(argv[6]));
  long sent = 0, answers = 0, lost = 0, errors = 0, bytes = 0;
  const double start = now(), end = start + atof(argv[3]);
  while (answers < announces && now() < end) {
    long room = WINDOW - (sent - answers - lost);
    if (room > BATCH) room = BATCH;
    for (long i = 0; i < room; i++) {
      const long number = sent + i;
      put32(out[i] + 12, number);
      put32(out[i] + 16, number % torrents);
      const uint16_t port = htons(1024 + number / torrents % peers);
      memcpy(out[i] + 96, &port, 2);
    }
    if (room > 0) {
      const int count = sendmmsg(fd, sends, room, 0);
      if (count > 0) sent += count;
    }
    const int count = recvmmsg(fd, receives, BATCH, MSG_WAITFORONE, NULL);
    if (count <= 0) lost = sent - answers;
    for (int i = 0; i < count; i++) {
      answers++;
      bytes += receives[i].msg_len;
      if (in[i][3] != 1) errors++;
    }
  }
  printf("{\"answers\": %ld, \"seconds\": %.3f, \"lost\": %ld, \"errors\": %ld, \"bytes\": %ld}\n",
         answers, now() - start, lost, errors, bytes);
  return 0;
}

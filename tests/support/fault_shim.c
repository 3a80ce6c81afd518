/*
 * Preloaded into a server: fails writes and syncs of files, and accepts of TCP connections, or makes syncs slow, on
 * demand. FAULT_RULES names a file of RULES_BYTES that is mapped, so that a change of it takes effect at once. Each of
 * its lines is a rule:
 *
 *     write|sync|accept ERRNO PART_OF_PATH
 *     slow-sync MILLISECONDS PART_OF_PATH
 *
 * A part that ends with "$" is the end of the path. The path of a TCP socket is "tcp:" and its port.
 *
 * KILL_AT=N kills the process before the Nth step on a path that contains KILL_PATH; a step is a sync, a rename, a link,
 * a new directory or the removal of a file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define RULES_BYTES 4096

static const volatile char *rules;

__attribute__((constructor)) static void map_rules(void) {
  const char *path = getenv("FAULT_RULES");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, RULES_BYTES, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) rules = mapped;
  close(fd);
}

static int matches(const char *path, char *part) {
  size_t length = strlen(part), whole = strlen(path);
  if (part[length - 1] != '$') return strstr(path, part) != NULL;
  length--;
  return whole >= length && strncmp(path + whole - length, part, length) == 0;
}

/* The path of a file, or "tcp:PORT"; 0 if the descriptor has none. */
static int path_of(int fd, char *path, size_t size) {
  struct sockaddr_in address;
  socklen_t bytes = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &bytes) == 0) {
    return address.sin_family == AF_INET && snprintf(path, size, "tcp:%d", ntohs(address.sin_port)) > 0;
  }
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return 1;
}

/* The number of the rule for the operation on the descriptor; 0 without a rule. */
static int rule(const char *operation, int fd) {
  if (rules == NULL || rules[0] == '\0') return 0;
  char text[RULES_BYTES], path[1024];
  for (int i = 0; i < RULES_BYTES; i++) text[i] = rules[i];
  text[RULES_BYTES - 1] = '\0';
  if (!path_of(fd, path, sizeof path)) return 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    char name[16], part[1000];
    int number;
    if (sscanf(line, "%15s %d %999[^\n]", name, &number, part) != 3) continue;
    if (strcmp(name, operation) == 0 && matches(path, part)) return number;
  }
  return 0;
}

static int kill_at;
static int steps;
static const char *kill_path;

__attribute__((constructor)) static void read_kill(void) {
  const char *number = getenv("KILL_AT");
  kill_path = getenv("KILL_PATH");
  kill_at = number == NULL || kill_path == NULL ? 0 : atoi(number);
}

static void step(const char *path) {
  if (kill_at == 0 || strstr(path, kill_path) == NULL) return;
  if (__sync_add_and_fetch(&steps, 1) == kill_at) kill(getpid(), SIGKILL);
}

static void step_on(int fd) {
  char path[1024];
  if (kill_at != 0 && path_of(fd, path, sizeof path)) step(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL(operation, fd)            \
  do {                                 \
    int number = rule(operation, fd);  \
    if (number != 0) {                 \
      errno = number;                  \
      return -1;                       \
    }                                  \
  } while (0)

static void delay_sync(int fd) {
  int milliseconds = rule("slow-sync", fd);
  if (milliseconds > 0) usleep(milliseconds * 1000u);
}

int fsync(int fd) {
  step_on(fd);
  delay_sync(fd);
  FAIL("sync", fd);
  return REAL(fsync)(fd);
}

int fdatasync(int fd) {
  step_on(fd);
  delay_sync(fd);
  FAIL("sync", fd);
  return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  FAIL("write", fd);
  return REAL(write)(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  FAIL("write", fd);
  return REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  FAIL("write", fd);
  return REAL(pwrite)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  FAIL("write", fd);
  return REAL(pwrite64)(fd, bytes, count, offset);
}

int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags) {
  FAIL("accept", fd);
  return REAL(accept4)(fd, address, bytes, flags);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  step(to);
  return REAL(linkat)(from_directory, from, to_directory, to, flags);
}

int rename(const char *from, const char *to) {
  step(to);
  return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
  step(path);
  return REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
  step(path);
  return REAL(unlink)(path);
}

int unlinkat(int fd, const char *path, int flags) {
  step_on(fd);
  return REAL(unlinkat)(fd, path, flags);
}

int rmdir(const char *path) {
  step(path);
  return REAL(rmdir)(path);
}

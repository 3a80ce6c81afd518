/**
 * The loop of a process that forks: it carries out commands of the server and reports how its forks end. It blocks the
 * thread, so that nothing else runs in this process.
 *
 * After a template has evaluated a script, this runs beside the function's objects. So it uses captured primordials and
 * typed arrays only.
 */
import { makeChannel } from "./channel.ts";
import { CLONE_PIDFD, type Ended, makeChildren } from "./children.ts";
import type { Line } from "./line.ts";
import { LANDLOCK_SCOPES_ABI, landlockVersion, type Library } from "./libc.ts";
import type { Settler } from "./settle.ts";
import { Command, ForkEvent } from "./wire.ts";

const SIGCHLD = 17n;
const CLONE_NEWUSER = 0x10000000n;
const CLONE_NEWNET = 0x40000000n;
/** CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWIPC and CLONE_NEWUTS. */
const NEW_NAMESPACES = 0x2c020000n;

/** What a command has made of this process. */
export type Became = "instance" | "loading";

/**
 * Makes the loop of this process and of all its forks. It serves as the zygote until it returns in a fork: an instance, or
 * a template that is to load a script and to serve again afterwards.
 */
export function makeForkServer(
  library: Library,
  settler: Settler,
  line: Line,
  namespaces: boolean,
): () => Became {
  const channel = makeChannel(library.libc);
  const children = makeChildren(library);
  let isZygote = true;
  /** The number of the last instance. */
  let last = 0;
  // A network namespace costs a third of the rate. It is needed where Landlock cannot scope abstract sockets.
  const network = landlockVersion(library.libc) >= LANDLOCK_SCOPES_ABI ? 0n : CLONE_NEWNET;
  const plain = CLONE_PIDFD | SIGCHLD;
  const own = namespaces ? NEW_NAMESPACES | network | plain : plain;
  const zygoteFlags = namespaces ? CLONE_NEWUSER | own : own;
  // A template owns its user namespace, so that its forks need none. Instances drop all capabilities.
  const templateFlags = own;

  /** Forks a template; returns whether this process is now the fork. */
  const forkTemplate = (): boolean => {
    const number = channel.number();
    const pid = children.start(number, isZygote ? zygoteFlags : templateFlags);
    if (pid > 0) channel.report(ForkEvent.FORKED, number, pid, 0, 0);
    if (pid < 0) channel.report(ForkEvent.FAILED, number, -pid, 0, 0);
    return pid === 0;
  };
  /** Ends the last instance and forks the next one; returns whether this process is the next one. */
  const forkNext = (): boolean => {
    const number = channel.number();
    const ended: Ended | undefined = children.killOnly();
    line.prepare(channel.flags(), channel.token, channel.path);
    const pid = children.start(number, templateFlags);
    if (pid > 0) line.announce(number, ended);
    if (pid < 0) {
      if (ended !== undefined) {
        const { status, micros, peakKib } = ended;
        channel.report(ForkEvent.ENDED, last, status, micros, peakKib);
      }
      channel.report(ForkEvent.FAILED, number, -pid, 0, 0);
    } else last = number;
    return pid === 0;
  };
  const becomeTemplate = () => {
    isZygote = false;
    settler.asTemplate(channel.token);
    children.forget();
  };
  return () => {
    settler.asForkServer();
    for (;;) {
      const command = channel.receive(children);
      if (command === Command.FORK_TEMPLATE && forkTemplate()) becomeTemplate();
      if (command === Command.NEXT && forkNext()) {
        settler.asInstance(line.channel(), line.errors(), channel.path);
        return "instance";
      }
      if (command === Command.KILL) children.kill(channel.number(), channel.report);
      if (command === Command.LOAD) {
        settler.asLoading(channel.path);
        return "loading";
      }
    }
  };
}

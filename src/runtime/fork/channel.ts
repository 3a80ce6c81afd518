/** The channel between a fork server and the server: stdin and stdout. Uses typed arrays only, as `children.ts` does. */
import { Bytes } from "../primordials.ts";
import { putUint32, uint32 } from "../request.ts";
import type { Children, Report } from "./children.ts";
import type { Libc } from "./libc.ts";
import { COMMAND_BYTES, EVENT_BYTES, PATH_MAX_BYTES, TOKEN_BYTES } from "./wire.ts";

const STDIN = 0;
const STDOUT = 1;

/** Offsets in a command. */
const FLAGS_AT = 1;
const NUMBER_AT = 4;
const TOKEN_AT = 8;
const PATH_LENGTH_AT = TOKEN_AT + TOKEN_BYTES;

/** The server has closed the channel, or does not speak the protocol. */
const EXIT_ABANDONED = 0;
const EXIT_CONFUSED = 122;

/** Makes what holds the last command, and reports events. */
export function makeChannel(libc: Libc) {
  const command = new Bytes(COMMAND_BYTES);
  const path = new Bytes(PATH_MAX_BYTES + 1);
  const event = new Bytes(EVENT_BYTES);
  const commandRests = restsOf(command);
  const pathRests = restsOf(path);

  const read = (rests: readonly Uint8Array<ArrayBuffer>[], length: number) => {
    for (let filled = 0; filled < length;) {
      const count = libc.read(STDIN, rests[filled] as Uint8Array<ArrayBuffer>, length - filled);
      if (count <= 0) libc._exit(EXIT_ABANDONED);
      filled += count;
    }
  };
  const writeEvent = makeWriter(libc, event);
  const report: Report = (kind, number, first, second, third) => {
    putEvent(event, 0, kind, number, first, second, third);
    writeEvent(STDOUT);
  };
  return {
    /** The token of the last command. */
    token: new Bytes(command.buffer, TOKEN_AT, TOKEN_BYTES),
    /** The path of the last command, with zeros after it. */
    path,
    /** The flags and the number in the last command. */
    flags: () => command[FLAGS_AT] as number,
    number: () => uint32(command, NUMBER_AT),
    /** Waits for a command and reports the forks that end meanwhile. Returns the kind of the command. */
    receive(children: Children): number {
      for (;;) {
        const hasInput = children.awaitInput(STDIN);
        children.reap(report);
        if (!hasInput) continue;
        read(commandRests, COMMAND_BYTES);
        const length = uint32(command, PATH_LENGTH_AT);
        if (length > PATH_MAX_BYTES) libc._exit(EXIT_CONFUSED);
        for (let at = 0; at < PATH_MAX_BYTES; at++) path[at] = 0;
        read(pathRests, length);
        return command[0] as number;
      }
    },
    report,
  };
}

/** Writes an event without flags. */
export function putEvent(
  bytes: Uint8Array,
  at: number,
  kind: number,
  number: number,
  first: number,
  second: number,
  third: number,
): void {
  bytes[at] = kind;
  putUint32(bytes, at + 4, number);
  putUint32(bytes, at + 8, first);
  putUint32(bytes, at + 12, second);
  putUint32(bytes, at + 16, third);
}

/** Makes the function that writes all of these bytes, from an offset on, to a descriptor. It exits if nobody reads them. */
export function makeWriter(
  libc: Libc,
  bytes: Uint8Array<ArrayBuffer>,
): (descriptor: number, from?: number) => void {
  const rests = restsOf(bytes);
  const { length } = rests;
  return (descriptor, from = 0) => {
    for (let written = from; written < length;) {
      const rest = rests[written] as Uint8Array<ArrayBuffer>;
      const count = libc.write(descriptor, rest, length - written);
      if (count <= 0) libc._exit(EXIT_ABANDONED);
      written += count;
    }
  };
}

/** The rest of the bytes from each offset. */
function restsOf(bytes: Uint8Array<ArrayBuffer>): readonly Uint8Array<ArrayBuffer>[] {
  return Array.from(bytes, (_, at) => new Uint8Array(bytes.buffer, at));
}

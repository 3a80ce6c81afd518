/** Open descriptors of the process, by every number. */
import { gets, rejected } from "../hostile.ts";

const SCAN = (open: string) =>
  `const hit: number[] = []; for (let fd = 3; fd < 256; fd++) { try { ${open}; hit.push(fd); } catch {} }
  return hit.join();`;

export const DESCRIPTORS = [
  gets(
    "writes to each",
    `const fs = await import("node:fs"); ${SCAN(`fs.writeSync(fd, "x")`)}`,
    "",
  ),
  gets(
    "reads each",
    `const fs = await import("node:fs"); ${SCAN(`fs.readSync(fd, new Uint8Array(1))`)}`,
    "",
  ),
  gets("asks about each", `const fs = await import("node:fs"); ${SCAN(`fs.fstatSync(fd)`)}`, ""),
  gets("closes each", `const fs = await import("node:fs"); ${SCAN(`fs.closeSync(fd)`)}`, ""),
  gets("cuts each", `const fs = await import("node:fs"); ${SCAN(`fs.ftruncateSync(fd)`)}`, ""),
  gets(
    "takes each as a socket",
    `const net = await import("node:net"); ${
      SCAN(`new net.Socket({ fd, readable: false }).on("error", () => {})`)
    }`,
    "",
  ),
  gets(
    "takes each as a terminal to read",
    `const tty = await import("node:tty"); ${SCAN(`new tty.ReadStream(fd)`)}`,
    "",
  ),
  gets(
    "takes each as a terminal to write",
    `const tty = await import("node:tty"); ${SCAN(`new tty.WriteStream(fd)`)}`,
    "",
  ),
  rejected(
    "listens on one",
    `const net = await import("node:net"); const s = net.createServer(); s.listen({ fd: 5 }); return await settled(s, "listening");`,
    "Error: listen EACCES: a function cannot listen on a port; `export default { fetch }` answers HTTP requests",
  ),
  rejected(
    "streams one",
    `const fs = await import("node:fs"); return await settled(fs.createReadStream("", { fd: 5 }), "data");`,
    "Error: Bad file descriptor (os error 9)",
  ),
  rejected(
    "reads one through procfs",
    `return Deno.readTextFileSync("/proc/self/fd/3");`,
    'NotCapable: Requires read access to "/proc/self/fd/3"',
  ),
  rejected(
    "reads one through /dev/fd",
    `return Deno.readTextFileSync("/dev/fd/5");`,
    'NotCapable: Requires read access to "/dev/fd/5"',
  ),
  rejected(
    "opens the terminal",
    `return Deno.openSync("/dev/tty", { read: true, write: true });`,
    'NotCapable: Requires read access to "/dev/tty"',
  ),
  gets(
    "reads its request again",
    `const bytes = new Uint8Array(64); return Deno.stdin.readSync(bytes);`,
    "null",
  ),
  rejected(
    "sends a handle to another process",
    `(process as any).send("x", null); return "sent";`,
    "TypeError: process.send is not a function",
  ),
  rejected(
    "takes a handle by Pipe",
    `const net: any = await import("node:net"); const s = new net.Socket(); return Object.keys(s._handle.constructor);`,
    "TypeError: Cannot read properties of null (reading 'constructor')",
  ),
];

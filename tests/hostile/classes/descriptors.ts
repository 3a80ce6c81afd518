/** Open descriptors of the process, by every number. */
import { gets, NO_PORT, rejected } from "../hostile.ts";

const SCAN = (open: string) =>
  `const hit: number[] = []; for (let fd = 3; fd < 256; fd++) { try { ${open}; hit.push(fd); } catch {} }
  return hit.join();`;

export const DESCRIPTORS = [
  ...gets("", {
    "writes to each": `const fs = await import("node:fs"); ${SCAN(`fs.writeSync(fd, "x")`)}`,
    "reads each": `const fs = await import("node:fs"); ${
      SCAN(`fs.readSync(fd, new Uint8Array(1))`)
    }`,
    "asks about each": `const fs = await import("node:fs"); ${SCAN(`fs.fstatSync(fd)`)}`,
    "closes each": `const fs = await import("node:fs"); ${SCAN(`fs.closeSync(fd)`)}`,
    "cuts each": `const fs = await import("node:fs"); ${SCAN(`fs.ftruncateSync(fd)`)}`,
    "takes each as a socket": `const net = await import("node:net"); ${
      SCAN(`new net.Socket({ fd, readable: false }).on("error", () => {})`)
    }`,
    "takes each as a terminal to read": `const tty = await import("node:tty"); ${
      SCAN(`new tty.ReadStream(fd)`)
    }`,
    "takes each as a terminal to write": `const tty = await import("node:tty"); ${
      SCAN(`new tty.WriteStream(fd)`)
    }`,
  }),
  ...rejected(
    NO_PORT,
    {
      "listens on one":
        `const net = await import("node:net"); const s = net.createServer(); s.listen({ fd: 5 }); return await settled(s, "listening");`,
    },
  ),
  ...rejected("Error: Bad file descriptor (os error 9)", {
    "streams one":
      `const fs = await import("node:fs"); return await settled(fs.createReadStream("", { fd: 5 }), "data");`,
  }),
  ...rejected('NotCapable: Requires read access to "/proc/self/fd/3"', {
    "reads one through procfs": `return Deno.readTextFileSync("/proc/self/fd/3");`,
  }),
  ...rejected('NotCapable: Requires read access to "/dev/fd/5"', {
    "reads one through /dev/fd": `return Deno.readTextFileSync("/dev/fd/5");`,
  }),
  ...rejected('NotCapable: Requires read access to "/dev/tty"', {
    "opens the terminal": `return Deno.openSync("/dev/tty", { read: true, write: true });`,
  }),
  ...gets("null", {
    "reads its request again":
      `const bytes = new Uint8Array(64); return Deno.stdin.readSync(bytes);`,
  }),
  ...rejected("TypeError: process.send is not a function", {
    "sends a handle to another process": `(process as any).send("x", null); return "sent";`,
  }),
  ...rejected("TypeError: Cannot read properties of null (reading 'constructor')", {
    "takes a handle by Pipe":
      `const net: any = await import("node:net"); const s = new net.Socket(); return Object.keys(s._handle.constructor);`,
  }),
];

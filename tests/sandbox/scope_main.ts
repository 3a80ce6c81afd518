/** Connects to an abstract and to a named socket as native code would, before and after it enters the domain of forks. */
import { landlockVersion, openLibrary, unixAddress } from "../../src/runtime/fork/libc.ts";
import { makeScope } from "../../src/runtime/fork/settle.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;

const [abstractName = "", path = ""] = Deno.args;
const { libc } = openLibrary();

function connects(address: Uint8Array<ArrayBuffer>): boolean {
  const socket = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  const connected = libc.connect(socket, address, address.length) === 0;
  libc.close(socket);
  return connected;
}

/** An abstract name has no final zero. */
const abstractAddress = unixAddress(`\0${abstractName}`).slice(0, -1);
const both = () => ({ abstract: connects(abstractAddress), named: connects(unixAddress(path)) });
const before = both();
const entered = makeScope(libc)();
console.log(JSON.stringify({ version: landlockVersion(libc), before, entered, after: both() }));

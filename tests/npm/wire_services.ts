/** Services that speak no HTTP: LDAP, PostgreSQL and Redis, as much of each as the functions use. */

/** Answers what arrived, with nothing where more must come first, with `undefined` to end the connection. */
type Answer = (received: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined;

/** Listens on a free port of loopback; `accept` makes the answers of one connection. */
function listen(accept: () => Answer): AsyncDisposable & { readonly port: number } {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const open = new Set<Promise<void>>();
  const serve = async (connection: Deno.Conn) => {
    using _closed = connection;
    const answer = accept();
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await connection.read(buffer);
        const reply = count === null ? undefined : answer(buffer.slice(0, count));
        if (reply === undefined) return;
        await connection.write(reply);
      }
    } catch (error) {
      // The client may be gone before its answer.
      if (
        !(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)
      ) {
        throw error;
      }
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      const served = serve(connection).finally(() => open.delete(served));
      open.add(served);
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Joins bytes. */
function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}

/** A value in BER: tag, length (below 128), content. */
function ber(tag: number, ...content: readonly (Uint8Array | string | number)[]) {
  const bytes = join(
    ...content.map((part) =>
      typeof part === "string"
        ? encoder.encode(part)
        : typeof part === "number"
        ? Uint8Array.of(part)
        : part
    ),
  );
  return join(Uint8Array.of(tag, bytes.length), bytes);
}

const SEQUENCE = 0x30;
const SET = 0x31;
const STRING = 0x04;
const INTEGER = 0x02;
const ENUMERATED = 0x0a;
const INVALID_CREDENTIALS = 49;

/** A directory with one person, which the password "secret" opens; its client writes each message at once. */
export function openLdap() {
  return listen(() => (received) => {
    // 30 LL 02 01 ID OP: the clients of the tests write short messages with small ids.
    const [id = 0, operation] = received.subarray(4);
    const message = (...content: Uint8Array[]) => ber(SEQUENCE, ber(INTEGER, id), ...content);
    const result = (tag: number, code: number) =>
      message(ber(tag, ber(ENUMERATED, code), ber(STRING), ber(STRING)));
    const attribute = (name: string, value: string) =>
      ber(SEQUENCE, ber(STRING, name), ber(SET, ber(STRING, value)));
    switch (operation) {
      case 0x60:
        return result(0x61, decoder.decode(received).endsWith("secret") ? 0 : INVALID_CREDENTIALS);
      case 0x63:
        return join(
          message(ber(
            0x64,
            ber(STRING, "uid=ada,dc=example"),
            ber(SEQUENCE, attribute("cn", "Ada"), attribute("mail", "ada@example.com")),
          )),
          result(0x65, 0),
        );
      default:
        return undefined;
    }
  });
}

/** A message of PostgreSQL: its letter, its length, its content. */
function message(letter: string, ...content: readonly (Uint8Array | string)[]) {
  const body = join(
    ...content.map((part) => typeof part === "string" ? encoder.encode(part) : part),
  );
  return join(encoder.encode(letter), int32(body.length + 4), body);
}

function int32(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}

function int16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

const SYNC = "S\0\0\0\x04";
const OID_INT4 = 23;
const OID_TEXT = 25;

/** A database that knows one row, and says of every other query that it is wrong. */
export function openPostgres() {
  const ready = message("Z", "I");
  const column = (name: string, type: number) =>
    join(
      encoder.encode(`${name}\0`),
      int32(0),
      int16(0),
      int32(type),
      int16(-1),
      int32(-1),
      int16(0),
    );
  const value = (text: string) => join(int32(text.length), encoder.encode(text));
  const row = join(
    message("1"),
    message("2"),
    message("T", int16(2), column("id", OID_INT4), column("name", OID_TEXT)),
    message("D", int16(2), value("1"), value("Ada")),
    message("C", "SELECT 1\0"),
  );
  const wrong = message("E", "SERROR\0", "C42601\0", "Mwrong\0", "\0");
  return listen(() => {
    let isGreeted = false;
    let query = "";
    return (received) => {
      if (!isGreeted) {
        isGreeted = true;
        return join(message("R", int32(0)), ready);
      }
      query += decoder.decode(received);
      if (query.startsWith("X")) return undefined;
      // A query of several messages ends with Sync; a simple one is short enough to come whole.
      if (!query.startsWith("Q") && !query.endsWith(SYNC)) return new Uint8Array();
      const answer = query.includes("FROM users") ? row : wrong;
      query = "";
      return join(answer, ready);
    };
  });
}

/** A store that knows one value. */
export function openRedis() {
  const answers: Readonly<Record<string, string>> = { SET: "+OK\r\n", GET: "$5\r\nvalue\r\n" };
  return listen(() => (received) => {
    const commands = decoder.decode(received).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g);
    const reply = [...commands].map(([, name = ""]) => answers[name.toUpperCase()] ?? "+OK\r\n");
    return encoder.encode(reply.join(""));
  });
}

import assert from "node:assert/strict";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { Driver } from "./driver.ts";
import { IS_LONG, random } from "../support/seed.ts";
import { noise, Volume } from "./support.ts";

const KILLS = IS_LONG ? 20 : 5;
const SIZES = [10, 5_000, 60_000, 300_000];

/** A content that shows whether it is whole: a number, then bytes that follow from it. */
function contentOf(number: number): Buffer {
  const size = SIZES[number % SIZES.length] ?? 10;
  const head = Buffer.from(`${number}\n`);
  const body = number % 3 === 0 ? noise(size, number) : Buffer.alloc(size, `${number} `);
  return Buffer.concat([head, body]);
}

function numberOf(content: Uint8Array): number {
  return Number.parseInt(Buffer.from(content.subarray(0, 20)).toString("latin1"));
}

/** The last acknowledged write of each file, and of the pairs that invocations write. */
interface Acknowledged {
  readonly files: Map<string, number>;
  pair: number;
}

/** Writes until the server ends; a request that was cut off may have been applied. */
async function writeOn(work: () => Promise<void>): Promise<void> {
  try {
    for (;;) await work();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

async function check(volume: Volume, acknowledged: Acknowledged): Promise<void> {
  for (const [path, number] of acknowledged.files) {
    const content = await volume.bytes(volume.file(path));
    const found = numberOf(content);
    assert.ok(found >= number, `${path} has ${found}, and ${number} was acknowledged`);
    assert.ok(contentOf(found).equals(content), `${path} is not whole`);
  }
  if (acknowledged.pair === 0) return;
  const [a, b] = [(await volume.read("pair/a")).body, (await volume.read("pair/b")).body];
  assert.equal(a, b);
  assert.ok(Number(a) >= acknowledged.pair, `the pair has ${a} and not ${acknowledged.pair}`);
}

Deno.test(`${KILLS} kills leave every file whole and every acknowledged write`, async () => {
  await using directory = await makeTempDir();
  const acknowledged: Acknowledged = { files: new Map(), pair: 0 };
  const next = random(3);
  let [volumeId, driver, number, pair] = ["", undefined as Driver | undefined, 0, 0];
  for (let kill = 0; kill <= KILLS; kill++) {
    await using server = await TestServer.start({ dataDir: directory.path });
    const client = await server.client();
    if (volumeId === "") volumeId = (await Volume.create(client)).id;
    driver = driver?.at(client) ?? await Driver.deploy(client);
    const volume = new Volume(client, volumeId);
    await check(volume, acknowledged);
    if (kill === KILLS) break;

    const kills = 2 + next(25);
    let writes = 0;
    const wrote = () => {
      if (++writes === kills) server.signal("SIGKILL");
    };
    const functions = driver;
    await Promise.all([
      ...["f/a", "f/b", "c"].map((path) =>
        writeOn(async () => {
          const mine = ++number;
          const { status } = await volume.put(path, contentOf(mine));
          if (status >= 300) return;
          acknowledged.files.set(path, mine);
          wrote();
        })
      ),
      writeOn(async () => {
        const mine = String(++pair);
        const { record } = await functions.run(
          volumeId,
          ["mkdir", "/pair", { recursive: true }],
          ["writeTextFile", "/pair/a", mine],
          ["writeTextFile", "/pair/b", mine],
        );
        assert.equal(record.error, undefined);
        acknowledged.pair = pair;
        wrote();
      }),
    ]);
    await server.status;
  }
  assert.ok(acknowledged.pair > 0 && acknowledged.files.size === 3);
});

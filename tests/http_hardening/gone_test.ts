import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { TestServer } from "../support/server.ts";

Deno.test("a client that goes away before its request is whole is no failure of the server", async () => {
  await using server = await TestServer.start({ flags: ["--log-level", "debug"] });
  const client = await server.client();
  const { volume } = (await client.post("/api/v1/vfs/volumes", { displayName: "gone" })).body;
  const { hostname, port } = new URL(server.url);
  const paths = ["POST /api/v1/functions", `PUT /api/v1/vfs/volumes/${volume.id}/files/late`];
  for (const path of paths) {
    const head = `${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(head + "{".repeat(1000)));
    // Until the server reads the body: an answer to another request is later than that.
    assert.equal((await client.get("/healthz")).status, 200);
    connection.close();
  }
  const after = (await client.get(`/api/v1/vfs/volumes/${volume.id}`)).body.volume;
  assert.deepEqual([after.version, after.fileCount], [volume.version, 0]);
  await server.stop("SIGTERM");
  const lines: Json[] = (await server.log).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.filter(({ level }) => /err|fatal/i.test(level)), []);
  assert.equal(
    lines.filter((line) => JSON.stringify(line).includes("the client went away")).length,
    2,
  );
});

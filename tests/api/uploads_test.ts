import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { eventually } from "../support/eventually.ts";
import { sharedServer } from "../support/shared_server.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";

interface OpenCommit {
  readonly functionId: string;
  readonly commitId: string;
  readonly urls: Readonly<Record<string, string>>;
}

async function openCommit(client: Client, ...filenames: string[]): Promise<OpenCommit> {
  const { function: { id } } = await client.createFunction("u");
  const { commitId, uploadUrls } = ok(
    await client.post(`/api/v1/functions/${id}/commits`, { filenames }),
  );
  return { functionId: id, commitId, urls: uploadUrls };
}

/** Uploads as anybody who holds the URL can. */
async function put(
  client: Client,
  url: string | undefined,
  content: string | Uint8Array,
): Promise<Json> {
  return await new Client(client.url, undefined).call("PUT", url ?? "", content);
}

function finalize(client: Client, { functionId, commitId }: OpenCommit): Promise<Json> {
  return client.post(`/api/v1/functions/${functionId}/commits/${commitId}/finalize`);
}

async function content(client: Client, commit: OpenCommit, path: string): Promise<string> {
  const url = `/api/v1/functions/${commit.functionId}/commits/${commit.commitId}`;
  return ok(await client.get(url)).files[path];
}

/** Flips the last character of one part of a token. */
function tampered(url: string, part: "payload" | "signature"): string {
  const [payload = "", signature = ""] = url.split(".");
  const flip = (text: string) =>
    text.slice(0, -2) + (text.at(-2) === "A" ? "B" : "A") + text.at(-1);
  return part === "payload" ? `${flip(payload)}.${signature}` : `${payload}.${flip(signature)}`;
}

sharedSuite("uploads", {
  "need no bearer token, keep exact bytes and answer 204": async ({ client }) => {
    const commit = await openCommit(client, "main.ts", "all.bin", "empty.txt");
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const answer = await put(client, commit.urls["main.ts"], MAIN);
    assert.deepEqual([answer.status, answer.body], [204, ""]);
    assert.equal((await put(client, commit.urls["all.bin"], bytes)).status, 204);
    assert.equal((await put(client, commit.urls["empty.txt"], "")).status, 204);
    ok(await finalize(client, commit));
    assert.equal(await content(client, commit, "all.bin"), bytes.toBase64());
    assert.equal(await content(client, commit, "empty.txt"), "");
  },

  "again while the commit is open replaces, and afterwards is rejected": async ({ client }) => {
    const commit = await openCommit(client, "main.ts", "note.txt");
    await put(client, commit.urls["main.ts"], MAIN);
    await put(client, commit.urls["note.txt"], "first");
    await put(client, commit.urls["note.txt"], "second");
    ok(await finalize(client, commit));
    assertError(await put(client, commit.urls["note.txt"], "third"), "COMMIT_ALREADY_FINALIZED");
    assert.equal(unbase64(await content(client, commit, "note.txt")), "second");
  },

  "a commit without one of its files cannot be finalized": async ({ client }) => {
    const commit = await openCommit(client, "main.ts", "lib/missing.ts");
    await put(client, commit.urls["main.ts"], MAIN);
    const message = new RegExp(
      `Commit ${commit.commitId} was not finalized: file lib/missing.ts was not uploaded`,
    );
    assertError(await finalize(client, commit), "FILE_NOT_UPLOADED", message);
    await put(client, commit.urls["lib/missing.ts"], "export {};");
    ok(await finalize(client, commit));
  },

  "a URL that was changed, mixed or made up is rejected": async ({ client }) => {
    const commit = await openCommit(client, "main.ts");
    const other = await openCommit(client, "main.ts");
    const url = commit.urls["main.ts"] ?? "";
    const [payload] = url.split(".");
    const [, foreignSignature] = (other.urls["main.ts"] ?? "").split(".");
    const forged = [
      tampered(url, "payload"),
      tampered(url, "signature"),
      `${payload}.${foreignSignature}`,
      `${payload}.`,
      `${payload}`,
      `${url}.x`,
      `${url}=`,
      "/file/x",
      "/file/..",
      "/file/%00.%00",
    ];
    for (const path of forged) {
      const { status } = await put(client, path, MAIN);
      assert.equal(status, path === "/file/.." ? 404 : 403, path);
    }
    assertError(await put(client, "/file/a.b", MAIN), "UPLOAD_URL_INVALID");
    assertError(await finalize(client, commit), "FILE_NOT_UPLOADED");
  },

  "another server's URL is rejected": async ({ client }) => {
    const foreign = await sharedServer("foreign");
    const commit = await openCommit(await foreign.client(), "main.ts");
    assertError(await put(client, commit.urls["main.ts"], MAIN), "UPLOAD_URL_INVALID");
  },

  "a file of a deleted function cannot be uploaded": async ({ client }) => {
    const commit = await openCommit(client, "main.ts");
    ok(await client.call("DELETE", `/api/v1/functions/${commit.functionId}`));
    assertError(await put(client, commit.urls["main.ts"], MAIN), "FUNCTION_NOT_FOUND");
  },

  "an upload that breaks off keeps nothing": async ({ client }) => {
    const commit = await openCommit(client, "main.ts");
    const { hostname, port } = new URL(client.url);
    for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
      const socket = await connected(hostname, Number(port));
      const part = framing.startsWith("Content") ? MAIN : `${MAIN.length.toString(16)}\r\n${MAIN}`;
      await new Promise<void>((resolve) =>
        socket.write(
          `PUT ${commit.urls["main.ts"]} HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${part}`,
          () => resolve(),
        )
      );
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.destroy();
      await closed;
    }
    assertError(await finalize(client, commit), "FILE_NOT_UPLOADED");
    await put(client, commit.urls["main.ts"], MAIN);
    ok(await finalize(client, commit));
  },
});

serverSuite("uploads: expiry", { flags: ["--upload-ttl", "1s"] }, {
  "an expired URL is rejected, and what was uploaded in time can be finalized": async (
    { client },
  ) => {
    const commit = await openCommit(client, "main.ts", "late.ts");
    // A busy machine may miss the time of a URL.
    const whole = await eventually(async () => {
      const opened = await openCommit(client, "main.ts");
      const { status } = await put(client, opened.urls["main.ts"], MAIN);
      return status === 204 ? opened : undefined;
    }, "an upload in time");
    const late = await eventually(async () => {
      const answer = await put(client, commit.urls["late.ts"], "export {};");
      return answer.status === 204 ? undefined : answer;
    }, "the expiry of an upload URL");
    const message = /Upload of late\.ts rejected: its upload URL has expired \(--upload-ttl\)/;
    assertError(late, "UPLOAD_URL_EXPIRED", message);
    ok(await finalize(client, whole));
  },
});

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket));
    socket.once("error", reject);
  });
}

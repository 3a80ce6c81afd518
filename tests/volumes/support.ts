/** Requests on volumes for tests. */
import assert from "node:assert/strict";
import { outputOf } from "../sdk/support.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { random } from "../support/seed.ts";

export const VOLUMES = "/api/v1/vfs/volumes";

/** A volume over HTTP. */
export class Volume {
  constructor(readonly client: Client, readonly id: string) {}

  static async create(client: Client, more: Json = {}): Promise<Volume> {
    const { volume } = ok(await client.post(VOLUMES, { displayName: "test", ...more }));
    return new Volume(client, volume.id);
  }

  get path(): string {
    return `${VOLUMES}/${this.id}`;
  }

  async get(): Promise<Json> {
    return ok(await this.client.get(this.path)).volume;
  }

  file(path: string): string {
    return `${this.path}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  put(
    path: string,
    content: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Json>> {
    const type = { "content-type": "application/octet-stream" };
    return this.client.call("PUT", this.file(path), content, { ...type, ...headers });
  }

  read(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer<Json>> {
    return this.client.get(this.file(path), headers);
  }

  delete(path: string, query = "", headers: Readonly<Record<string, string>> = {}) {
    return this.client.call("DELETE", this.file(path) + query, undefined, headers);
  }

  /** The whole tree: contents of files by path, null for directories. */
  async tree(): Promise<Record<string, string | null>> {
    const tree: Record<string, string | null> = {};
    for (let token = "";;) {
      const query = `recursive=true&page_size=100&page_token=${encodeURIComponent(token)}`;
      const { list, nextPageToken } = ok(await this.client.get(`${this.path}/entries?${query}`));
      for (const { path, type } of list) {
        tree[path] = type === "directory" ? null : (await this.read(path.slice(1))).body;
      }
      if (nextPageToken === "") return tree;
      token = nextPageToken;
    }
  }

  /** The output of a function that is invoked with this volume. */
  async output(functionId: string, input: unknown = {}): Promise<Json> {
    return await outputOf(this.client, functionId, input, { vfsId: this.id });
  }

  /** The raw bytes of an answer to a GET. */
  async bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await fetch(new URL(path, this.client.url), {
      headers: { authorization: `Bearer ${this.client.token}` },
    });
    assert.equal(response.status, 200);
    return new Uint8Array(await response.arrayBuffer());
  }
}

/** Random bytes, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const next = random(seed);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = next(256);
  return bytes;
}

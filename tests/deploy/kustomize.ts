/** Builds the kustomizations of `deploy/kubernetes`. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import type { Json } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { ROOT } from "../support/repository.ts";

const KUBERNETES = fileURLToPath(new URL("deploy/kubernetes", ROOT));

/**
 * The objects of a kustomization, such as `demo`, with components, such as `bubblewrap`. Every process of `kubectl apply -k`
 * reads YAML as this one does.
 */
export async function build(name: string, ...components: readonly string[]): Promise<Json[]> {
  await using directory = await makeTempDir();
  const real = await Deno.realPath(directory.path);
  const path = (folder: string) => relative(real, join(KUBERNETES, folder));
  const kustomization = { resources: [path(name)], components: components.map(path) };
  await Deno.writeTextFile(join(real, "kustomization.yaml"), JSON.stringify(kustomization));
  const { success, stdout, stderr } = await new Deno.Command("kustomize", {
    args: ["build", real],
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  return parseAllDocuments(decoder.decode(stdout)).map((document) => {
    assert.deepEqual(document.errors, [], name);
    return document.toJS();
  });
}

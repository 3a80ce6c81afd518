/**
 * `npm run release-check` verifies what a release needs, after `npm run release`, `npm run image` and `npm run deb`. Prints
 * each item as ok or missing, with the next step, and exits with 1 if one is missing.
 */
import project from "../package.json" with { type: "json" };
import { artefactItems } from "./release_check/artefacts.ts";
import type { Item } from "./release_check/item.ts";
import { repositoryItems } from "./release_check/repository.ts";

const { version } = project;

const items = [...repositoryItems(version), ...artefactItems(version)];
let missing = 0;
for (const item of items) if (!await isDone(item)) missing++;
console.log(
  missing === 0
    ? `Version ${version} is ready: tag the commit with git tag -a v${version}`
    : `Version ${version} is not ready: ${missing} of ${items.length} items are missing`,
);
Deno.exit(missing === 0 ? 0 : 1);

async function isDone({ title, check }: Item): Promise<boolean> {
  const found = await check();
  if (!found.isDone) {
    console.log(`missing  ${title}: ${found.reason}\n         next: ${found.next}`);
    return false;
  }
  console.log(`ok       ${title}${found.note === undefined ? "" : ` (${found.note})`}`);
  return true;
}

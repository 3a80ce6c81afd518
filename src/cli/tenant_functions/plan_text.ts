/** A plan as people and programs read it. */
import { formatChange } from "../folder/changes.ts";
import { paintPatch, patchOf } from "../folder/patches.ts";
import { noteSkipped } from "../folder/files.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, paint, paintNote, warn } from "../terminal/output.ts";
import { headOf, type Plan } from "./plan.ts";

/** The settings, secrets, tag and published commit that change, a line each. */
function linesOf({ fn, settings, secrets, tag, publishes, commits }: Plan): string[] {
  const known = new Set(fn?.secret);
  return [
    ...settings.map(({ inFile, now, wanted }) =>
      `~ ${inFile}: ${JSON.stringify(now)} -> ${JSON.stringify(wanted)}`
    ),
    ...secrets.map((name) =>
      known.has(name) ? `~ secret ${name}: its value is replaced` : `+ secret ${name}`
    ),
    ...tag === undefined ? [] : [`+ tag ${tag}`],
    ...publishes
      ? [
        `~ published commit: ${fn?.publishedCommitId ?? "none"} -> ${
          commits ? "the new commit" : headOf(fn)
        }`,
      ]
      : [],
  ].map(oneLine);
}

/** Prints the differences: patches of files, and lines of the rest. */
export function printPlan({ before, files, changes, ...plan }: Plan): void {
  for (const change of changes) {
    console.log(paintPatch(patchOf(change, change.path, before, files)));
  }
  for (const line of linesOf({ before, files, changes, ...plan })) {
    console.log(paint(line.startsWith("+") ? "green" : "yellow", line));
  }
}

/** Prints the differences without the contents of files, on stderr. */
export function notePlan(plan: Plan): void {
  for (const change of plan.changes) note(`  ${formatChange(change, paintNote)}`);
  for (const line of linesOf(plan)) note(`  ${paintNote("yellow", line)}`);
}

/** Names the function and the tenant, and what is not deployed. */
export function noteHeading(
  { name, fn, leftOut, warnings, skipped }: Plan,
  url: string,
): void {
  const at = fn === undefined ? "new" : `${fn.id}, head ${headOf(fn)}`;
  note(oneLine(`${name} at ${url} (${at})`));
  noteSkipped(skipped);
  if (leftOut.length > 0) {
    note(
      `  left out, because C1 does not have ${leftOut.length === 1 ? "it" : "them"}: ${
        leftOut.map(oneLine).join(", ")
      }`,
    );
  }
  for (const warning of warnings) warn(`Warning: ${warning}`);
}

/** The plan for programs; no secret's value is in it. */
export function planJson({ before, files, changes, fn, ...plan }: Plan, url: string) {
  const { name, settings, secrets, tag, publishes, leftOut, warnings, skipped } = plan;
  return {
    url,
    name,
    functionId: fn?.id,
    head: headOf(fn),
    changes: changes.map((change) => ({
      ...change,
      patch: patchOf(change, change.path, before, files),
    })),
    settings: settings.map(({ inFile, now, wanted }) => ({ name: inFile, now, wanted })),
    secrets,
    warnings,
    tag,
    publishes,
    leftOut,
    skipped,
  };
}

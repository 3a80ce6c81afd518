/** Renders `docs/reviewed-packages.md`: the reviewed list, and packages that a reviewer has left out of the list. */
import { LEFT_OUT } from "../src/domain/commits/left_out_packages.ts";
import reviewed from "../src/sandbox/tree/reviewed_readings.json" with { type: "json" };

/** The page. */
export function renderReviewedPage(): string {
  const listed = reviewed.map(({ package: name, versions, functions, reads, why, ...entry }) => {
    const caller = "calledBy" in entry ? `, called by \`${entry.calledBy}\`` : "";
    const names = functions.map((name) => name === "" ? "unnamed functions" : `\`${name}\``);
    return [
      `\`${name}\``,
      // Two bars separate alternatives of a range, and one bar separates columns.
      versions.split(" || ").map((range) => `\`${range}\``).join(" or "),
      `${reads.map((called) => `\`${called}\``).join(", ")} in ${names.join(", ")}${caller}`,
      why,
    ];
  });
  const leftOut = LEFT_OUT.map(({ package: name, reads, why, instead }) => [
    name,
    reads.join(", "),
    why,
    instead,
  ]);
  return [
    INTRODUCTION,
    table(["Package", "Versions", "Uses", "Why equal values harm nobody"], listed),
    ADDING,
    table(["Package", "Uses", "Why it is not on the list", "Instead"], leftOut),
  ].join("\n\n") + "\n";
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from src/sandbox/tree/reviewed_readings.json by \`deno task docs\`; do not edit. -->

# Reviewed packages

Invocations start from a [template](templates.md) that has loaded the function's script, unless the script uses the
clock or random numbers while it loads. The packages below may: a reviewer has followed each value, and a value that all
invocations of a template share for an hour harms nobody. An entry allows uses in certain functions of certain files.
A value that a package returns to its caller is never on the list, and a function's own files are never on the list.

## The list`;

const ADDING = `\`<module>\` is code outside of functions.

## Add an entry

1. Run \`node_modules/deno/deno task propose-readings NAME@VERSION\`, with the oldest and the newest version of each major
   version. The task also takes the file of a function, which makes a client as users do. It deploys each to a server of
   its own, and prints where the script used the clock or random numbers, and a draft of the entry.
2. Read the code at each position, and follow the value to everything that uses the value. Look at all functions
   of the same name in the file, and at all unnamed functions if the entry allows these.
3. Reject an id, a nonce, a boundary, a key, a delay between retries, the seed of a generator, a time that users see, and
   every value that reaches the caller. The state that module code leaves starts anew in each invocation: a
   counter counts the same numbers again.
4. Add the entry to \`src/sandbox/tree/reviewed_readings.json\`. Allow a major version if you have read its oldest and newest
   version: in later ones, file, function and call must still match. Write into \`why\`
   what the value is, and why equal values harm nobody.
5. Run \`deno task docs\` and the tests in \`tests/npm/reviewed_test.ts\`.

| Field | Meaning |
| --- | --- |
| \`package\`, \`versions\` | name of the package, and a range of versions as npm writes ranges |
| \`files\` | paths of published files, as the comments of a bundle name them |
| \`functions\` | names of the functions that make the call; empty for functions without a name |
| \`calledBy\` | name of the function of the same package that calls them; absent if any caller will do |
| \`reads\` | what they may call |
| \`why\` | why equal values in all invocations of a template harm nobody |

## Not on the list`;

/** What to write instead of module code that keeps a script from a template. */
import type { Reading } from "../../engine/load_reporter.ts";

const PACKAGE = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@[^/]+)?\//;

/** What to write instead of a package's use, by the name of the package; docs/templates.md explains each. */
const BY_PACKAGE: Readonly<Record<string, string>> = {
  "lodash":
    "import the functions that you use, each from its file, such as npm:lodash@4/groupBy.js",
  "@faker-js/faker":
    'import it in the handler, await import("npm:@faker-js/faker"): it seeds its generator while it loads',
  "mathjs":
    'import it in the handler, await import("npm:mathjs"): it seeds its generator while it loads',
  "mongodb": "make the client and every ObjectId in the handler or on first use",
  "mongoose": 'import it in the handler, await import("npm:mongoose"): it makes ids while it loads',
};

/** What to write instead, by the beginning of what is called. The first match counts. */
const BY_CALL: readonly (readonly [called: RegExp, ofFile: string, ofPackage: string])[] = [
  [
    /^(?:secrets|variables)/,
    "read it in the handler, or on first use: a client that needs it is then made there, too",
    "make what needs it in the handler, or on first use",
  ],
  [
    /^(?:Date|new Date|Temporal|Intl|new Intl|new File|File|performance|process)/,
    "read it in the handler: module code would keep the time of its evaluation",
    "make what reads it in the handler, or on first use, or import the package there",
  ],
  [
    /^(?:Math\.random|crypto|new FormData|URL\.createObjectURL|Response|new Response)/,
    "draw it in the handler, or on first use: all invocations would share it",
    "make what draws it in the handler, or on first use, or import the package there",
  ],
];

const OTHER = [
  "do it in the handler, or on first use",
  "make what does it in the handler, or on first use, or import the package there",
] as const;

/** What to write instead of a reading. */
export function adviceOnReading({ position, called }: Reading): string {
  const [, name] = PACKAGE.exec(position) ?? [];
  const ofName = name === undefined ? undefined : BY_PACKAGE[name];
  if (ofName !== undefined) return ofName;
  const [, ofFile, ofPackage] = BY_CALL.find(([pattern]) => pattern.test(called)) ?? ["", ...OTHER];
  return name === undefined ? ofFile : ofPackage;
}

/** What to write instead of module code with an error of a report. */
export const ADVICE_ON_ERROR = "do that in the handler, or on first use: no setting helps";

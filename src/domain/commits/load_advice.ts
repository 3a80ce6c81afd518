/** What to write instead of module code that keeps a script from a template. */
import { satisfies } from "semver";
import type { Reading } from "../../engine/load_reporter.ts";
import { LEFT_OUT } from "./left_out_packages.ts";

const PACKAGE = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?\//;

/** What to write instead, by the beginning of what is called. The first match counts. */
const BY_CALL: readonly (readonly [called: RegExp, ofFile: string, ofPackage: string])[] = [
  [
    /^(?:secrets|variables)/,
    "read it in the handler, or on first use: a client that needs it is then made there, too",
    "create what needs it in the handler, or on first use",
  ],
  [
    /^(?:Date|new Date|Temporal|Intl|new Intl|new File|File|performance|process)/,
    "read it in the handler: module code would keep the time of its evaluation",
    "create the object that reads it in the handler, or on first use, or import the package there",
  ],
  [
    /^(?:Math\.random|crypto|new FormData|URL\.createObjectURL|Response|new Response)/,
    "generate it in the handler, or on first use: all invocations would share it",
    "create the object that generates it in the handler, or on first use, or import the package there",
  ],
];

const OTHER = [
  "do it in the handler, or on first use",
  "create the object that does it in the handler, or on first use, or import the package there",
] as const;

/** What a reviewer advises for a call of a package; undefined without such advice. */
function advisedFor(called: string, name: string, version = ""): string | undefined {
  const found = LEFT_OUT.find(({ names, reads, versions }) =>
    names.includes(name) && reads.includes(called) &&
    (versions === undefined || satisfies(version, versions, { includePrerelease: true }))
  );
  return found?.instead;
}

/** What to write instead of a reading. */
export function adviceOnReading({ position, called }: Reading): string {
  const [, name, version] = PACKAGE.exec(position) ?? [];
  const advised = name === undefined ? undefined : advisedFor(called, name, version);
  if (advised !== undefined) return advised;
  const [, ofFile, ofPackage] = BY_CALL.find(([pattern]) => pattern.test(called)) ?? ["", ...OTHER];
  return name === undefined ? ofFile : ofPackage;
}

/** What to write instead of module code with an error of a report. */
export const ADVICE_ON_ERROR = "do that in the handler, or on first use: no setting helps";

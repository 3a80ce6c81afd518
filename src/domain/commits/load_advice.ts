/** What to write instead of module code that keeps a script from a template. */
import type { Reading } from "../../engine/load_reporter.ts";
import { LEFT_OUT } from "./left_out_packages.ts";

const PACKAGE = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@[^/]+)?\//;

const BY_PACKAGE = new Map(
  LEFT_OUT.flatMap(({ names, instead }) => names.map((name) => [name, instead] as const)),
);

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
  const ofName = name === undefined ? undefined : BY_PACKAGE.get(name);
  if (ofName !== undefined) return ofName;
  const [, ofFile, ofPackage] = BY_CALL.find(([pattern]) => pattern.test(called)) ?? ["", ...OTHER];
  return name === undefined ? ofFile : ofPackage;
}

/** What to write instead of module code with an error of a report. */
export const ADVICE_ON_ERROR = "do that in the handler, or on first use: no setting helps";

/** Explains errors of what no function can do: whose code does it, why it fails, and what works instead. */

import { calledOwnFetch, OWN_FETCH } from "./own_fetch.ts";

/** Something that a function cannot do. */
interface Deed {
  /** Messages of the errors. A package may wrap them, so they may begin anywhere. */
  readonly message: RegExp;
  /** What the function does, continuing "a function cannot". */
  readonly own: string;
  /** What a package does, continuing its name. */
  readonly ofPackage: string;
  /** What works instead, if nothing better is known of the package. */
  readonly instead: string;
}

const NATIVE: Deed = {
  message:
    /\.node" is not available in a function|No native build was found|Could not locate the bindings file|(?:find|load) native binding|Could not load the "sharp" module|Requires ffi access|\bprocess\.dlopen is not a function/,
  own: "load native code",
  ofPackage: "loads native code, which a function cannot do",
  instead: "use a package that is JavaScript or WebAssembly",
};

/** In the order in which they are tried. */
const DEEDS: readonly Deed[] = [
  NATIVE,
  {
    message:
      /\b(?:spawn|spawnSync|exec|execSync|execFile|execFileSync|fork|Deno\.Command\.\w+) EACCES: |Requires run access/,
    own: "start processes",
    ofPackage: "starts a process, which a function cannot do",
    instead: "call a service that runs the program",
  },
  {
    message: /\blisten EACCES: |\bDeno\.(?:serve|listen)\w* is not available/,
    own: "listen on a port",
    ofPackage: "listens on a port, which a function cannot do",
    instead: "`export default { fetch }` answers HTTP requests",
  },
  {
    // Methods of the response of Node.js and of frameworks; that of `fetch` lacks them, too, and has a field `status`.
    message:
      /(?:^|: )res\.(?:setHeader|getHeader|removeHeader|writeHead|write|end|send|sendStatus) is not a function$/,
    own: "answer requests of node:http",
    ofPackage: "answers requests of node:http, which a function does not get",
    instead: "`export default { fetch }` answers HTTP requests",
  },
  {
    message: /Worker threads are not available in a function|\bWorker is not defined/,
    own: "start threads",
    ofPackage: "starts a thread, which a function cannot do",
    instead: "do the work in the function itself",
  },
  {
    message: /(?:ENOENT|EFBIG): .* '\/npm\//,
    own: "read a file of a package that its commit does not carry",
    ofPackage: "reads a file that its commit does not carry",
    instead: "docs/npm.md says which files of packages are carried",
  },
  {
    message: /Requires (?:read|write) access to "/,
    own: "use the file system",
    ofPackage: "uses the file system, which a function cannot do",
    instead: "import the file, or keep it in a volume",
  },
  {
    message: /^(?:TypeError: )?Module "#/,
    own: "load modules by computed names",
    ofPackage: "loads a module of its own that its commit does not carry",
    instead: "use a version that docs/npm.md lists",
  },
  {
    message: /^(?:TypeError: )?Module "(?!node:)[^"]*" is not available in a function/,
    own: "load modules by computed names",
    ofPackage: "loads a module that its commit does not have",
    instead: "import that module by its name",
  },
];

/** Packages that find and load the native code of others. */
const LOADERS =
  /^(?:bindings|node-gyp-build|node-gyp-build-optional-packages|node-pre-gyp|@mapbox\/node-pre-gyp|prebuild-install)@/;

/** A package that does not work as its documentation shows it. */
interface Hopeless {
  /** Why it cannot even be imported, continuing "it". */
  readonly why?: string;
  readonly instead: string;
}

const IS_NATIVE = "loads native code, which a function cannot do";
const SQLITE = "use npm:sql.js, or a database server with npm:pg";
const BROWSER: Hopeless = { instead: "call a browser on another host over its HTTP API" };

const PACKAGES: Readonly<Record<string, Hopeless>> = {
  "@napi-rs/canvas": { why: IS_NATIVE, instead: "use npm:pureimage" },
  "@prisma/client": {
    why: "needs the code that `prisma generate` writes, and native code",
    instead: "use npm:kysely or npm:drizzle-orm with npm:pg",
  },
  "argon2": { why: IS_NATIVE, instead: "use npm:hash-wasm" },
  "bcrypt": { why: IS_NATIVE, instead: "use npm:bcryptjs" },
  "better-sqlite3": { why: IS_NATIVE, instead: SQLITE },
  "canvas": { why: IS_NATIVE, instead: "use npm:pureimage" },
  "express": { instead: "use npm:hono, or call the app with npm:light-my-request" },
  "fastify": { instead: "use npm:hono, or call the app with its `inject`" },
  "koa": { instead: "use npm:hono, or call the app with npm:light-my-request" },
  "playwright": BROWSER,
  "playwright-core": BROWSER,
  "puppeteer": BROWSER,
  "puppeteer-core": BROWSER,
  "re2": { why: IS_NATIVE, instead: "use npm:re2js" },
  "sharp": { why: IS_NATIVE, instead: "use npm:jimp" },
  "sqlite3": { why: IS_NATIVE, instead: SQLITE },
};

/** What is known of a package that does not work as its documentation shows it. @param name such as `@scope/name` */
function hopeless(name: string): Hopeless | undefined {
  return Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : undefined;
}

/** Why a package cannot be imported, and what works instead; undefined if nothing is known. */
export function packageError(name: string): string | undefined {
  const { why, instead } = hopeless(name) ?? {};
  return why === undefined ? undefined : `it ${why}; ${instead}`;
}

/** Modules of Node.js that no function can load: why, and what works instead. */
const MODULES: Readonly<Record<string, string>> = {
  sqlite:
    "it opens files of the machine; use npm:sql.js in memory, or a database server with npm:pg",
  wasi: "it opens files of the machine; use WebAssembly without WASI",
  v8: "it reads the memory of the process; structuredClone copies values",
  inspector: "it debugs the process; use invoked logs and invoked test",
  repl: "it needs a terminal",
};

/** Why a function cannot load a module of Node.js, and what works instead; undefined if it can. */
export function moduleError(specifier: string): string | undefined {
  const [, name = ""] = /^node:([^/]+)/.exec(specifier) ?? [];
  return Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
}

const UNAVAILABLE_MODULE = /Module "(node:[\w/]+)" is not available in a function/;

/** A frame in a file of a package, or in one of the author. */
const PACKAGE_FRAME = /(?:\(|at )npm:((?:@[^/@]+\/)?([^/@]+)@[^/]+)\//;
const OWN_FRAME = /(?:\(|at )(?!bundle\.js)[^\s():]+\.[cm]?[jt]sx?:\d+:\d+\)?$/;
/** A frame in a helper of the bundler, or in a package whose own source map does not name a source. */
const UNMAPPED_FRAME = /(?:\(|at )bundle\.js:\d+:\d+\)?$/;

/**
 * What to add to an error of a function; undefined if it is no attempt of what no function can do.
 * @param frames of its stack, as `formatFrame` of `stack.ts` prints them
 */
export function explanation(
  { name, message }: { readonly name: string; readonly message: string },
  frames: readonly string[],
): string | undefined {
  if (calledOwnFetch(name, frames)) return OWN_FETCH;
  const packages = frames.flatMap((frame) => PACKAGE_FRAME.exec(frame)?.[1] ?? []);
  const first = frames.find((frame) => PACKAGE_FRAME.test(frame) || OWN_FRAME.test(frame));
  const thrower = PACKAGE_FRAME.exec(first ?? "")?.[1];
  const isOwn = first === undefined
    ? !frames.some((frame) => UNMAPPED_FRAME.test(frame))
    : thrower === undefined;
  const better = isOwn
    ? undefined
    : packages.flatMap((name) => hopeless(nameOf(name))?.instead ?? []).at(0);
  const [, specifier] = UNAVAILABLE_MODULE.exec(message) ?? [];
  if (specifier !== undefined) {
    const instead = better ?? moduleError(specifier);
    return thrower === undefined ? instead : instead && `npm:${thrower} loads it: ${instead}`;
  }
  const deed = DEEDS.find((deed) => deed.message.test(message)) ??
    (isNative(thrower) ? NATIVE : undefined);
  if (deed === undefined) return undefined;
  const culprit = packages.find((name) => !LOADERS.test(name)) ?? packages[0];
  const ofPackage = `${culprit === undefined ? "a package" : `npm:${culprit}`} ${deed.ofPackage}`;
  const subject = isOwn ? `a function cannot ${deed.own}` : ofPackage;
  const parts = [subject, better ?? deed.instead].filter((part) => !message.includes(part));
  return parts.length === 0 ? undefined : parts.join(": ");
}

/** Whether a package cannot work without its native code: it may fail with any error. */
function isNative(versioned = ""): boolean {
  return LOADERS.test(versioned) || hopeless(nameOf(versioned))?.why === IS_NATIVE;
}

/** `@scope/name@1.0.0` to `@scope/name`. */
function nameOf(versioned: string): string {
  return versioned.slice(0, versioned.indexOf("@", 1));
}

/** Packages whose values must differ between invocations, with the reason and with what to write instead. */

/** A package that is not on the list, although it is loaded often. */
interface LeftOut {
  /** As the page names it, with the versions and the call that matter. */
  readonly package: string;
  /** Names of the packages in whose files the use is. */
  readonly names: readonly string[];
  /** What it calls while it loads, as in a `Reading`. */
  readonly reads: readonly string[];
  /** A range of npm's versions; all of them if absent. */
  readonly versions?: string;
  /** A sentence. */
  readonly why: string;
  /** What to write instead. */
  readonly instead: string;
}

const IN_HANDLER = "import it in the handler";
const ON_FIRST_USE = "make the client on first use";

/** Packages that a reviewer has left out of the reviewed list (`src/sandbox/tree/reviewed_readings.json`). */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    package: "mathjs",
    names: ["mathjs"],
    reads: ["Date.now", "Math.random"],
    why:
      "The time seeds the generator of its random numbers, and every invocation would draw the same ones.",
    instead: IN_HANDLER,
  },
  {
    package: "seedrandom",
    names: ["seedrandom"],
    reads: ["Math.random"],
    why: "The number goes into the pool that seeds generators.",
    instead: IN_HANDLER,
  },
  {
    package: "@faker-js/faker",
    names: ["@faker-js/faker"],
    reads: ["Math.random"],
    why:
      "The numbers seed the generator of its data, and every invocation would invent the same people.",
    instead: IN_HANDLER,
  },
  {
    package: "effect before 4",
    names: ["effect"],
    versions: "<4",
    reads: ["Math.random"],
    why: "The number seeds the service Random, and every invocation would draw the same numbers.",
    instead: "use effect 4, which reads nothing while it loads",
  },
  {
    package: "bson before 4.7 (mongodb 3)",
    names: ["bson", "mongodb"],
    versions: "<4.7",
    reads: ["Math.random"],
    why:
      "Some of these versions draw all random parts of an ObjectId while they load, so invocations would make the same ids.",
    instead: "use a newer mongodb",
  },
  {
    package: "redis, createClient()",
    names: ["@redis/client", "redis"],
    reads: ["crypto.randomBytes"],
    why: "The bytes are the identity of a client in traces and metrics, and must differ.",
    instead: ON_FIRST_USE,
  },
  {
    package: "@google-cloud/firestore, new Firestore()",
    names: ["@google-cloud/firestore"],
    reads: ["crypto.randomBytes"],
    why: "The bytes tag requests in logs, and must differ.",
    instead: ON_FIRST_USE,
  },
  {
    package: "@sentry/node, init()",
    names: ["@sentry/core", "@sentry/node"],
    reads: ["crypto.randomUUID", "Math.random", "Date.now"],
    why: "Sentry makes ids of traces and sessions, and leaves a timer.",
    instead: "call init() in the handler",
  },
  {
    package: "@azure/service-bus",
    names: ["@azure/service-bus", "rhea"],
    reads: ["Math.random"],
    why: "Its package rhea makes the id of an AMQP container, which must differ.",
    instead: IN_HANDLER,
  },
  {
    package: "@nestjs/common",
    names: ["@nestjs/common", "uid"],
    reads: ["Math.random"],
    why:
      "Its ids are harmless, but they come from the package uid, which returns its text to any caller.",
    instead:
      "import it in the handler, or set EVALUATION_SHARED if all invocations may share whatever else module code read",
  },
  {
    package: "avsc",
    names: ["avsc"],
    reads: ["Math.random"],
    why: "The number seeds the generator of random values.",
    instead: IN_HANDLER,
  },
  {
    package: "prom-client",
    names: ["prom-client"],
    reads: ["Date.now"],
    why: "The time is a metric, the start of the process.",
    instead: IN_HANDLER,
  },
  {
    package: "memfs",
    names: ["memfs"],
    reads: ["new Date"],
    why: "The times of files go to whoever asks for them.",
    instead: IN_HANDLER,
  },
  {
    package: "lodash, _.now()",
    names: ["lodash", "lodash-es"],
    reads: ["Date.now"],
    why: "The time goes to the caller.",
    instead: "call _.now() in the handler",
  },
];

/** What is known of scripts: how much time their evaluations take, and which templates they may have. */
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import { EVALUATION_MIN_MS } from "./judge.ts";
import { commonKeyOf, ownKeyOf, type TemplateChoice } from "./script_source.ts";

/**
 * What a template saves beside the evaluation: its instances inherit their connections. For a script that evaluates in
 * less than {@link EVALUATION_MIN_MS}, this and the evaluation count only while invocations follow each other within
 * {@link OFTEN_MS}.
 */
const CONNECTIONS_MS = 0.3;
const OFTEN_MS = 1000;
/** Time spent on evaluations of one script after which a template is made: about what making it costs. */
const SPENT_MS = 20;
/** Private memory of a template, and of a unit of evaluated script; see bench/README.md. A script may add more. */
const TEMPLATE_BYTES = 2 * 1024 * 1024;
const BYTES_PER_UNIT = 13;
/** Most scripts that are known. */
const KNOWN_MAX = 10_000;

/**
 * `spentMs` grows until a template is made, whose memory is then known; an unsuitable script gets none, and one that
 * reads its configuration gets one for each function.
 */
type Known =
  | {
    readonly kind: "counted";
    readonly spentMs: number;
    readonly addedBytes: number;
    /** Time of the last evaluation. */
    readonly lastMs: number;
  }
  | { readonly kind: "unsuitable" | "reads configuration" };

const NEW = { kind: "counted", spentMs: 0, addedBytes: 0, lastMs: -Infinity } as const;

/** By key of the template. */
export class KnownScripts {
  readonly #known = new LRUCache<string, Known>(entriesUpTo(KNOWN_MAX));

  /** The key of the template from which an invocation starts; undefined if it can have none. */
  keyOf(choice: TemplateChoice): string | undefined {
    if (choice.evaluation === "per-call") return undefined;
    const key = commonKeyOf(choice);
    return this.#known.get(key)?.kind === "reads configuration" ? ownKeyOf(choice) : key;
  }

  isUnsuitable(key: string): boolean {
    return this.#known.get(key)?.kind === "unsuitable";
  }

  /** An invocation has evaluated a script. @returns whether a template is worth its price */
  addTime(key: string, evaluationMs: number): boolean {
    const known = this.#known.get(key) ?? NEW;
    if (known.kind !== "counted") return false;
    const nowMs = performance.now();
    const counts = evaluationMs >= EVALUATION_MIN_MS || nowMs - known.lastMs < OFTEN_MS;
    const spentMs = known.spentMs + (counts ? evaluationMs + CONNECTIONS_MS : 0);
    this.#known.set(key, { ...known, spentMs, lastMs: nowMs });
    return counts && spentMs >= SPENT_MS;
  }

  /** Memory of a template with this script: as measured if it was made before, else an estimate. */
  bytesOf(key: string, script: string): number {
    const known = this.#known.get(key);
    const addedBytes = known?.kind === "counted" ? known.addedBytes : 0;
    return Math.max(TEMPLATE_BYTES + BYTES_PER_UNIT * script.length, addedBytes);
  }

  noteMemory(key: string, addedBytes: number): void {
    const known = this.#known.get(key);
    this.#known.set(key, { ...known?.kind === "counted" ? known : NEW, addedBytes });
  }

  noteUnsuitable(key: string, readsConfiguration = false): void {
    this.#known.set(key, { kind: readsConfiguration ? "reads configuration" : "unsuitable" });
  }

  /** The script has to deserve its next template anew. */
  forget(key: string): void {
    this.#known.delete(key);
  }
}

/** What the loading of a commit's script showed, in the words of the command line and the console. */
import { secondsOf } from "./usage.ts";

/** A use, while a script loads, of what differs between invocations; as the API answers it. */
interface ReadingJson {
  readonly position: string;
  readonly called: string;
  readonly functionName?: string | undefined;
  /** What to write instead. */
  readonly advice: string;
}

/** As the API answers it. */
interface LoadReportJson {
  readonly state: string;
  /** How invocations start without a setting; absent while it is pending. */
  readonly start?: string | undefined;
  readonly loadTime?: string | undefined;
  readonly readings: readonly ReadingJson[];
  /** Why no setting gives the script a template. */
  readonly error?: string | undefined;
  readonly advice?: string | undefined;
}

/** The setting of the function; undefined and UNSPECIFIED are the same. */
type Evaluation = string | undefined;

/** How invocations start with a setting: `loads` if each of them loads the script again. */
interface StartInForce {
  readonly kind: "pending" | "template" | "fast" | "loads";
  /** A sentence without its first capital and its end. */
  readonly text: string;
}

const MS_PER_SECOND = 1_000;

/** `45 ms`, or `less than 1 ms`. */
function timeOf(duration = "0s"): string {
  const ms = Math.round(secondsOf(duration) * MS_PER_SECOND);
  return ms < 1 ? "less than 1 ms" : `${ms.toLocaleString("en-US")} ms`;
}

/** @param evaluation the setting of the function */
export function startInForce(report: LoadReportJson, evaluation: Evaluation): StartInForce {
  const { state, start, loadTime, error } = report;
  if (state === "LOAD_STATE_PENDING" || start === undefined) {
    return { kind: "pending", text: "not known yet: the server has not run the module code" };
  }
  const time = timeOf(loadTime);
  const fast = `each invocation runs the module code, which takes ${time} and needs no template`;
  if (start === "INVOCATION_START_FAST") return { kind: "fast", text: fast };
  const loads = `each invocation runs the module code, which takes ${time}`;
  const template = `invocations start from a template, which ran the module code in ${time}`;
  if (evaluation === "EVALUATION_PER_CALL") {
    return { kind: "loads", text: `${loads}, because of EVALUATION_PER_CALL` };
  }
  if (start === "INVOCATION_START_TEMPLATE") return { kind: "template", text: template };
  const isShared = evaluation === "EVALUATION_SHARED" && error === undefined;
  return isShared
    ? { kind: "template", text: `${template}, because of EVALUATION_SHARED` }
    : { kind: "loads", text: loads };
}

/** `main.ts:3 called Date.now in makeId`. */
function readingText({ position, called, functionName = "" }: ReadingJson): string {
  return `${position} called ${called}${functionName === "" ? "" : ` in ${functionName}`}`;
}

/** What the setting would promise; undefined if it is set, or would not help. */
export function sharedAdvice(report: LoadReportJson, evaluation: Evaluation): string | undefined {
  const { readings, error } = report;
  const isSet = evaluation === "EVALUATION_PER_CALL" || evaluation === "EVALUATION_SHARED";
  if (error !== undefined || readings.length === 0 || isSet) return undefined;
  return "Or set evaluation to EVALUATION_SHARED, if all invocations may share these values";
}

/** The parts of a report below its first sentence: what keeps the script from a template, each with what to write instead. */
export function obstaclesOf(
  report: LoadReportJson,
  evaluation: Evaluation,
): readonly { readonly text: string; readonly advice: string }[] {
  if (startInForce(report, evaluation).kind !== "loads") return [];
  if (evaluation === "EVALUATION_PER_CALL") return [];
  const { readings, error, advice = "" } = report;
  return [
    ...error === undefined ? [] : [{ text: error, advice }],
    ...readings.map((reading) => ({ text: readingText(reading), advice: reading.advice })),
  ];
}

/**
 * The reviewed list: packages that read the clock or random numbers while they load, for which somebody has looked what
 * becomes of the value. A value that all invocations of a template share, for an hour at most, harms nobody there.
 *
 * An entry names the file and the function that makes the call. A package that passes a value on to its callers is not on
 * the list for that, and no file of a function ever is.
 */
import { satisfies } from "semver";
import entries from "./reviewed_readings.json" with { type: "json" };

/** Reviewed calls of one package for one reason. */
interface ReviewedReading {
  readonly package: string;
  /** A range of npm's versions. */
  readonly versions: string;
  /** Paths in the published package. */
  readonly files: readonly string[];
  /** Names as in {@link CallSite}. */
  readonly functions: readonly string[];
  /** What they may call, as in a `Reading`. */
  readonly reads: readonly string[];
  /** The function of the same package that must have called them, if not anybody may; a name as in {@link CallSite}. */
  readonly calledBy?: string;
  /** Why a value that invocations share harms nobody. */
  readonly why: string;
}

/** A frame of a script. */
export interface CallSite {
  /** The package with its version, such as `lodash@4.18.1`; undefined for files of the function. */
  readonly package: string | undefined;
  /** Path in the package, or of the function's file. */
  readonly file: string;
  /** The name in the source, without receiver; {@link MODULE_CODE}, or empty for a function without a name. */
  readonly functionName: string;
}

/** Code outside of functions. */
export const MODULE_CODE = "<module>";

const REVIEWED_READINGS: readonly ReviewedReading[] = entries;
const byPackage = Map.groupBy(REVIEWED_READINGS, ({ package: name }) => name);

/** The bundler adds a number to a name that two files declare. */
const ADDED_NUMBER = /\d+$/;

/** Whether a call is on the list. @param caller the frame that called the function */
export function isReviewed(called: string, site: CallSite, caller: CallSite | undefined): boolean {
  if (site.package === undefined) return false;
  const at = site.package.lastIndexOf("@");
  const [name, version] = [site.package.slice(0, at), site.package.slice(at + 1)];
  return (byPackage.get(name) ?? []).some((entry) =>
    entry.files.includes(site.file) && entry.reads.includes(called) &&
    entry.functions.some((wanted) => isNamed(site, wanted)) &&
    (entry.calledBy === undefined ||
      caller !== undefined && caller.package === site.package &&
        isNamed(caller, entry.calledBy)) &&
    satisfies(version, entry.versions, { includePrerelease: true })
  );
}

function isNamed({ functionName }: CallSite, wanted: string): boolean {
  return functionName === wanted || functionName.replace(ADDED_NUMBER, "") === wanted;
}

/** Compares versions and ranges. */
import semver from "npm:semver@7.8.6";

export default function main() {
  return {
    highest: semver.maxSatisfying(["1.2.3", "1.9.0", "2.0.0"], "^1.2.0"),
    next: semver.inc("1.2.3", "minor"),
    runs: semver.satisfies(process.version, ">=20"),
  };
}

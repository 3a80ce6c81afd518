/** What another version of the configuration file changes. */
import { ALL_SETTINGS, type PlacedSetting } from "./placed_settings.ts";
import { formatSetting, type Resolved } from "./resolve.ts";

/**
 * The settings whose value differs between two versions of the configuration file. Flags and variables of a process do not
 * change while it runs.
 */
export function changedSettings(before: Resolved, after: Resolved): readonly PlacedSetting[] {
  return ALL_SETTINGS.filter((placed) => {
    const texts = [before, after].map(({ sources, file }) =>
      sources[placed.path] === "file" ? file?.values.get(placed.setting.name)?.text : undefined
    );
    if (texts[0] === texts[1]) return false;
    // 60s and 1m are the same value; the texts of secrets are masked.
    return placed.setting.kind.hidden ||
      formatSetting(placed, before.config) !== formatSetting(placed, after.config);
  });
}

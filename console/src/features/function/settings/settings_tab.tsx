import { Properties } from "../../../parts/page.tsx";
import { Time } from "../../../parts/values.tsx";
import { useFunction } from "../use_function.ts";

/** The settings of the function. */
export function SettingsTab() {
  const fn = useFunction();
  return (
    <Properties
      items={[
        ["Timeout", fn.effectiveLimits?.timeout],
        ["Memory", fn.effectiveLimits && `${fn.effectiveLimits.memoryMib} MiB`],
        ["Created", <Time key="created" value={fn.createdAt} />],
      ]}
    />
  );
}

import { useFunction } from "../use_function.ts";
import { Danger } from "./danger.tsx";
import { Destinations } from "./destinations.tsx";
import { Flow } from "./flow.tsx";
import { General } from "./general.tsx";
import { Limits } from "./limits.tsx";
import { Network } from "./network.tsx";
import { Retries } from "./retries.tsx";
import { Running } from "./running.tsx";
import { Secrets } from "./secrets.tsx";
import { Variables } from "./variables.tsx";

/** The settings of the function; each section is saved by itself. */
export function SettingsTab() {
  const fn = useFunction();
  return (
    <div className="function-sections">
      <General fn={fn} />
      <Secrets fn={fn} />
      <Variables fn={fn} />
      <Network fn={fn} />
      <Limits fn={fn} />
      <Running fn={fn} />
      <Retries fn={fn} />
      <Destinations fn={fn} />
      <Flow fn={fn} />
      <Danger fn={fn} />
    </div>
  );
}

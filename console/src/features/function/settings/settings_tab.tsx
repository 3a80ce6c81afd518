import { useRef } from "react";
import { useFunction } from "../use_function.ts";
import { BreakerNote } from "./breaker_note.tsx";
import { Danger, DANGER_ID } from "./danger.tsx";
import { Destinations } from "./destinations.tsx";
import { SectionMenu } from "./section_menu.tsx";
import { FieldsSection } from "./setting_fields.tsx";
import { Secrets, SECRETS_ID } from "./secrets.tsx";
import { FLOW, GENERAL, LIMITS, NETWORK, RETRIES, RUNNING, SECTIONS } from "./sections.ts";
import { UnsavedBar } from "./unsaved_bar.tsx";
import { changedLabels, useSettings } from "./use_settings.ts";
import { Variables } from "./variables.tsx";

const [FIRST, ...REST] = SECTIONS;
const MENU = [
  FIRST,
  { id: SECRETS_ID, title: "Secrets", fields: {} },
  ...REST,
  { id: DANGER_ID, title: "Danger zone", fields: {} },
];

/**
 * The settings of the function, which are saved together. Secrets and what the danger zone does are apart: a secret
 * cannot be read back, and nothing undoes a purge.
 */
export function SettingsTab() {
  const fn = useFunction();
  const form = useSettings(fn);
  const page = useRef<HTMLDivElement>(null);
  const changed = new Set(changedLabels(form, form.changed));
  const items = MENU.map(({ id, title, fields }) => ({
    id,
    title,
    isChanged: Object.values(fields).some((label) => changed.has(label)),
  }));
  return (
    <div className="function-settings-page">
      <div className="function-settings-columns">
        <SectionMenu functionId={fn.id} items={items} />
        <div ref={page} className="function-sections" tabIndex={-1}>
          <FieldsSection section={GENERAL} form={form} />
          <Secrets fn={fn} />
          <Variables form={form} />
          <FieldsSection section={NETWORK} form={form} />
          <FieldsSection
            section={LIMITS}
            form={form}
            inForce={fn.effectiveLimits ?? {}}
          />
          <FieldsSection section={RUNNING} form={form} />
          <FieldsSection section={RETRIES} form={form} />
          <Destinations form={form} />
          <FieldsSection section={FLOW} form={form}>
            <BreakerNote fn={fn} />
          </FieldsSection>
          <Danger fn={fn} />
        </div>
      </div>
      <UnsavedBar form={form} page={page} />
    </div>
  );
}

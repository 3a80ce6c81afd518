import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { type MouseEvent, useEffect, useRef, useState } from "react";
import { call, type Fn } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { ConfirmDialog } from "../../../parts/dialog.tsx";
import { TextField } from "../../../parts/field.tsx";
import { countOf } from "../../../parts/format.ts";
import { useCurrentInView } from "../../../parts/in_view.ts";
import { Note } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { Time } from "../../../parts/values.tsx";
import { LoadNote } from "../load_report.tsx";
import { useFunction } from "../queries.ts";
import { ActsAs } from "./acts_as.tsx";
import { Danger, DANGER_ID } from "./danger.tsx";
import { Destinations } from "./destinations.tsx";
import { Secrets, SECRETS_ID } from "./secrets.tsx";
import {
  FLOW,
  GENERAL,
  IDENTITY,
  LIMITS,
  NETWORK,
  RETRIES,
  RUNNING,
  SECTIONS,
} from "./sections.ts";
import { FieldsSection } from "./setting_fields.tsx";
import { TenantSection } from "./tenant.tsx";
import { changedLabels, UnsavedBar, useSettings } from "./use_settings.tsx";
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
          <FieldsSection section={RUNNING} form={form}>
            <LoadNote fn={fn} />
          </FieldsSection>
          <FieldsSection section={IDENTITY} form={form}>
            <ActsAs fn={fn} />
          </FieldsSection>
          <TenantSection form={form} />
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

/** A part of the page. */
interface MenuItem {
  readonly id: string;
  readonly title: string;
  readonly isChanged: boolean;
}

/** Leads to each section of the page, and marks the one that the reader is in. */
function SectionMenu(
  { functionId, items }: { readonly functionId: string; readonly items: readonly MenuItem[] },
) {
  const navigate = useNavigate();
  const { hash } = useLocation();
  const [current, show] = useCurrent(items.map(({ id }) => id));
  const menu = useRef<HTMLElement>(null);
  useEffect(() => {
    // An address may lead to a section, which was not there before the function was read.
    if (hash !== "") show(hash);
  }, [hash]);
  useCurrentInView(menu, current ?? "");
  const follow = (event: MouseEvent, id: string) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void navigate({
      to: ".",
      hash: id,
      replace: true,
      resetScroll: false,
      hashScrollIntoView: false,
    });
    show(id);
  };
  return (
    <nav ref={menu} className="function-menu" aria-label="Sections of the settings">
      {items.map(({ id, title, isChanged }) => (
        <a
          key={id}
          href={`/functions/${functionId}/settings#${id}`}
          className="function-menu-link"
          aria-current={id === current ? "location" : undefined}
          onClick={(event) => follow(event, id)}
        >
          {title}
          {isChanged && (
            <span className="function-menu-mark" title="Has unsaved changes">
              <span className="visually-hidden">(unsaved changes)</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

/** Of the height of the window: the section that has this line is the current one. */
const READING_LINE = 0.3;

/** The section in sight, and what scrolls to another. Sections at the end of a page cannot come to its top. */
function useCurrent(ids: readonly string[]): readonly [string | undefined, (id: string) => void] {
  const [current, setCurrent] = useState(ids[0]);
  /** The section that was asked for, as long as the page is where that left it. */
  const chosen = useRef<{ readonly id: string; readonly at: number }>(undefined);
  const written = ids.join(" ");
  useEffect(() => {
    const find = () => {
      if (chosen.current?.at === scrollY) return setCurrent(chosen.current.id);
      chosen.current = undefined;
      setCurrent(sectionAt(written.split(" "), innerHeight * READING_LINE));
    };
    find();
    addEventListener("scroll", find, { passive: true });
    addEventListener("resize", find);
    return () => {
      removeEventListener("scroll", find);
      removeEventListener("resize", find);
    };
  }, [written]);
  const show = (id: string) => {
    const section = document.getElementById(id);
    if (section === null || !ids.includes(id)) return;
    section.scrollIntoView({ block: "start" });
    section.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
    chosen.current = { id, at: scrollY };
    setCurrent(id);
  };
  return [current, show];
}

function sectionAt(ids: readonly string[], line: number): string | undefined {
  const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
  if (isAtEnd && scrollY > 0) return ids.at(-1);
  const above = ids.filter((id) => {
    const top = document.getElementById(id)?.getBoundingClientRect().top ?? Infinity;
    return top <= line;
  });
  return above.at(-1) ?? ids[0];
}

type Decision = "RUN" | "CANCEL";

/** Says that the circuit breaker has paused the function, and asks what becomes of what waits. */
function BreakerNote({ fn }: { readonly fn: Fn }) {
  const queries = useQueryClient();
  const [decision, setDecision] = useState<Decision>();
  const [reason, setReason] = useState("");
  if (fn.circuitBreakerPausedAt === undefined) return null;
  const clear = async () => {
    const { count } = await call("POST /api/v1/functions/{function_id}/circuit_breaker/clear", {
      path: { function_id: fn.id },
      body: { decision: `PAUSED_EXECUTION_DECISION_${decision ?? "RUN"}`, reason },
    });
    await queries.invalidateQueries({ queryKey: keys.function(fn.id) });
    toast(
      `${decision === "RUN" ? "Started" : "Cancelled"} ${countOf(count, "waiting invocation")}`,
    );
  };
  return (
    <>
      <Note tone="warn">
        <span>
          The circuit breaker has paused invocations since{" "}
          <Time value={fn.circuitBreakerPausedAt} />.
        </span>
        <span className="row">
          <Button onClick={() => setDecision("RUN")}>Run waiting invocations</Button>
          <Button look="danger" onClick={() => setDecision("CANCEL")}>
            Cancel waiting invocations
          </Button>
        </span>
      </Note>
      <ConfirmDialog
        open={decision !== undefined}
        onClose={() => {
          setDecision(undefined);
          setReason("");
        }}
        title={decision === "CANCEL" ? "Cancel waiting invocations?" : "Run waiting invocations?"}
        action={decision === "CANCEL" ? "Cancel the invocations" : "Run the invocations"}
        danger={decision === "CANCEL"}
        unsaved={reason !== ""}
        dismiss="Decide later"
        onConfirm={clear}
      >
        <div className="stack">
          <p>The circuit breaker starts counting from zero.</p>
          <TextField label="Reason" value={reason} onChange={setReason} />
        </div>
      </ConfirmDialog>
    </>
  );
}

/** The fields of settings, from the table of `src/resources/functions.ts`. */
import type { ReactNode } from "react";
import { type Field, labelOf, type List, unsetOf } from "../../../../../src/resources/field.ts";
import { FUNCTION_SETTINGS, type Setting } from "../../../../../src/resources/functions.ts";
import type { Fn } from "../../../api/client.ts";
import {
  CheckboxField,
  GroupError,
  SelectField,
  TextAreaField,
  TextField,
} from "../../../parts/field.tsx";
import { violationOf } from "../../../parts/violations.ts";
import { RolesField } from "../../../shell/identity_fields.tsx";
import { VolumeField } from "../forms.tsx";
import {
  durationIn,
  durationText,
  linesOf,
  numberIn,
  numberText,
  optionsOf,
} from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

/** A value as it is typed: text, a choice, words that are chosen, or members of these. */
type Draft = string | boolean | readonly string[] | Members;
type Members = { readonly [member: string]: Draft };
/** The settings that have no form of their own. */
export type FieldSetting = Exclude<
  Setting,
  "variables" | "onSuccess" | "onFailure" | "tenant" | "functionType"
>;
export type Drafts = { readonly [Name in FieldSetting]?: Draft };
/** A setting, or a member of one as `debounce.delay`. */
export type Path = FieldSetting | `${FieldSetting}.${string}`;

/** Texts from this length on are typed into several lines. */
const LONG_CHARS = 1_000;

/** The setting of a path. */
export function settingOf(path: Path): FieldSetting {
  return path.split(".")[0] as FieldSetting;
}

/** The paths without members. A group is all of its members. */
export function leavesOf(path: Path): readonly Path[] {
  const field = fieldAt(path);
  if (field.kind !== "group") return [path];
  return Object.keys(field.fields).map((member) => `${settingOf(path)}.${member}` as const);
}

function fieldAt(path: Path): Field {
  const [, member] = path.split(".");
  const field: Field = FUNCTION_SETTINGS[settingOf(path)];
  return member === undefined || field.kind !== "group" ? field : field.fields[member] ?? field;
}

/** The label of a field in a form. */
export function labelAt(path: Path): string {
  return labelOf(path.split(".").at(-1) ?? "", fieldAt(path));
}

/** The draft of a setting of a function. */
export function draftOf(field: Field, value: unknown): Draft {
  switch (field.kind) {
    case "count":
      return numberText(value as number | undefined);
    case "duration":
      return durationText(value as string | undefined);
    case "list":
      return isChosen(field) ? value as string[] ?? [] : (value as string[] ?? []).join("\n");
    case "group":
      return mapped(
        field.fields,
        (of, name) => draftOf(of, (value as Members | undefined)?.[name]),
      );
    case "flag":
      return value === true;
    case "oneOf":
      return String(value ?? ("inForce" in field.unset ? field.unset.inForce : unsetOf(field)));
    default:
      return String(value ?? "");
  }
}

/** The setting of a draft. */
export function valueOf(field: Field, draft: Draft): unknown {
  switch (field.kind) {
    case "count":
      return numberIn(draft as string);
    case "duration":
      return durationIn(draft as string);
    case "list":
      return isChosen(field) ? draft : linesOf(draft as string);
    case "flag":
      return draft === true;
    case "group":
      return mapped(field.fields, (of, name) => valueOf(of, (draft as Members)[name] ?? ""));
    default:
      return draft;
  }
}

function mapped<T>(fields: Readonly<Record<string, Field>>, of: (field: Field, name: string) => T) {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, of(field, name)]));
}

/** Whether the entries of a list are chosen, and not typed. */
function isChosen({ values, labels }: List): boolean {
  return (values ?? labels) !== undefined;
}

/** A section of fields that follow from the table of settings. */
export interface SectionOfFields extends SettingsSection<Drafts> {
  readonly about?: string;
  /** The fields in the order of the page. */
  readonly rows: readonly (readonly Path[])[];
}

/** @param inForce what counts for empty fields; undefined: what the table says */
export function FieldsSection({ section, form, inForce, children }: {
  readonly section: SectionOfFields;
  readonly form: SectionForm<Drafts>;
  readonly inForce?: Partial<Fn>;
  /** Before the fields. */
  readonly children?: ReactNode;
}) {
  return (
    <SettingsSectionForm section={section} about={section.about} form={form}>
      {children}
      {section.rows.map((paths) => (
        <SettingRow key={paths.join()} paths={paths} form={form} inForce={inForce} />
      ))}
    </SettingsSectionForm>
  );
}

/** The fields of these settings in a row. */
function SettingRow({ paths, form, inForce }: {
  readonly paths: readonly Path[];
  readonly form: SectionForm<Drafts>;
  readonly inForce?: Partial<Fn> | undefined;
}) {
  const leaves = paths.flatMap(leavesOf).map((path) => ({ path, field: fieldAt(path) }));
  const groups = leaves.filter(({ field }) => field.kind === "list" && isChosen(field));
  const inRow = leaves.filter((leaf) => !groups.includes(leaf));
  const shown = ({ path, field }: typeof leaves[number]) => (
    <SettingField
      key={path}
      path={path}
      field={field}
      form={form}
      placeholder={inForce === undefined
        ? placeholderOf(field)
        : draftOf(field, inForce[settingOf(path) as keyof Fn]) as string || "Forever"}
    />
  );
  return (
    <>
      {inRow.length === 0 ? null : <div className="function-fields">{inRow.map(shown)}</div>}
      {groups.map(shown)}
    </>
  );
}

function placeholderOf(field: Field): string | undefined {
  const { placeholder, unset } = field;
  if (placeholder !== undefined) return placeholder || undefined;
  const value = "inForce" in unset ? unset.inForce : "value" in unset ? unset.value : undefined;
  if (typeof value !== "number") return undefined;
  return field.kind === "duration" ? durationText(`${value / 1_000}s`) : String(value);
}

function SettingField({ path, field, form, placeholder }: {
  readonly path: Path;
  readonly field: Field;
  readonly form: SectionForm<Drafts>;
  readonly placeholder: string | undefined;
}) {
  const name = settingOf(path);
  const [, member] = path.split(".");
  const whole = form.draft[name] ?? "";
  const draft = member === undefined ? whole : (whole as Members)[member] ?? "";
  const common = {
    label: labelAt(path),
    hint: (field.hint ?? field.about) || undefined,
    error: violationOf(form.error, path),
  };
  const text = {
    ...common,
    value: draft as string,
    onChange: (value: Draft) =>
      form.edit({
        [name]: member === undefined ? value : { ...whole as Members, [member]: value },
      }),
  };
  switch (field.kind) {
    case "id":
      return <VolumeField {...text} none="None" />;
    case "flag":
      return <CheckboxField {...common} value={draft === true} onChange={text.onChange} />;
    case "oneOf":
      return <SelectField {...text} options={optionsOf(field)} />;
    case "list":
      if (field.rule === "role") {
        return (
          <RolesField {...common} value={draft as readonly string[]} onChange={text.onChange} />
        );
      }
      return isChosen(field)
        ? (
          <Choices
            {...common}
            field={field}
            chosen={draft as readonly string[]}
            onChange={text.onChange}
          />
        )
        : <TextAreaField {...text} rows={4} placeholder={placeholder} />;
    default: {
      const isText = field.kind === "text";
      const isLong = isText && (field.max ?? 0) >= LONG_CHARS;
      if (isLong) return <TextAreaField {...text} mono={false} rows={3} />;
      const mono = isText && field.isPointer === true;
      return <TextField {...text} mono={mono} placeholder={placeholder} />;
    }
  }
}

function Choices({ label, hint, error, field, chosen, onChange }: {
  readonly label: string;
  readonly hint: string | undefined;
  readonly error: string | undefined;
  readonly field: List;
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}) {
  const { labels, values = Object.keys(labels ?? {}), unset } = field;
  const inForce = "inForce" in unset ? unset.inForce as readonly string[] : [];
  const words = [...new Set([...inForce, ...values])];
  return (
    <fieldset className="function-group">
      <legend className="field-label">{label}</legend>
      <p className="field-hint">{hint ?? `If none is selected: ${inForce.join(" and ")}`}</p>
      <div className={labels === undefined ? "function-choices" : "function-group"}>
        {words.map((word) => (
          <CheckboxField
            key={word}
            label={labels?.[word] ?? word}
            value={chosen.includes(word)}
            onChange={(isOn) =>
              onChange(isOn ? [...chosen, word] : chosen.filter((each) => each !== word))}
          />
        ))}
      </div>
      <GroupError error={error} />
    </fieldset>
  );
}

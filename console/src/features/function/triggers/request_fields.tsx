import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const BODILESS = ["GET", "HEAD"];

/** A request as it is typed. */
export interface RequestDraft {
  readonly target: "published" | "head";
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: string;
  readonly body: string;
}

export const EMPTY_REQUEST: RequestDraft = {
  target: "published",
  method: "GET",
  path: "/",
  query: "",
  headers: "",
  body: "",
};

/** Whether requests of the method have a body. */
export function hasBody({ method }: RequestDraft): boolean {
  return !BODILESS.includes(method);
}

/** The fields of a request. */
export function RequestFields(
  { draft, hasHead, violation, onChange }: {
    readonly draft: RequestDraft;
    readonly hasHead: boolean;
    /** Of the headers. */
    readonly violation: string | undefined;
    readonly onChange: (change: Partial<RequestDraft>) => void;
  },
) {
  return (
    <>
      <div className="function-fields">
        <SelectField
          label="Commit"
          value={draft.target}
          options={[
            { value: "published", label: "Published commit, at its URL" },
            ...hasHead ? [{ value: "head", label: "Head, as a preview" }] : [],
          ]}
          onChange={(target) => onChange({ target: target as RequestDraft["target"] })}
        />
        <SelectField
          label="Method"
          value={draft.method}
          options={METHODS.map((value) => ({ value, label: value }))}
          onChange={(method) => onChange({ method })}
        />
        <TextField
          label="Path"
          mono
          value={draft.path}
          onChange={(path) => onChange({ path })}
        />
        <TextField
          label="Query"
          mono
          placeholder="a=1&b=2"
          value={draft.query}
          onChange={(query) => onChange({ query })}
        />
      </div>
      <div className="function-fields">
        <TextAreaField
          label="Headers"
          hint="One per line"
          rows={2}
          placeholder="Accept: application/json"
          value={draft.headers}
          error={violation}
          onChange={(headers) => onChange({ headers })}
        />
        {hasBody(draft)
          ? (
            <TextAreaField
              label="Body"
              rows={2}
              value={draft.body}
              onChange={(body) => onChange({ body })}
            />
          )
          : null}
      </div>
    </>
  );
}

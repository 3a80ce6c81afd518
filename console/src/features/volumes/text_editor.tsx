import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ApiError } from "../../api/client.ts";
import type { Volume } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { TextAreaField } from "../../parts/field.tsx";
import { useShortcuts } from "../../parts/shortcuts.tsx";
import { ErrorNote, Note } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { contentQuery, writeFile } from "./queries.ts";

const ROWS = 24;

/** Edits a text file. Saving fails if somebody wrote the file meanwhile; the text stays. */
export function TextEditor(
  { volume, path, text, etag }: {
    readonly volume: Volume;
    readonly path: string;
    readonly text: string;
    readonly etag: string;
  },
) {
  const [edited, setEdited] = useState(text);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (options: { readonly anyway: boolean }) =>
      writeFile(volume.id, path, new Blob([edited]), options.anyway ? undefined : etag),
    onSuccess: async () => {
      toast("Saved");
      await queries.invalidateQueries(contentQuery(volume.id, path));
      await queries.invalidateQueries({ queryKey: ["volume"] });
    },
  });
  const isChanged = edited !== text;
  const { mutate } = save;
  useShortcuts(useMemo(() => [
    { keys: "Mod+S", label: "Save the file", run: () => mutate({ anyway: false }) },
  ], [mutate]));
  const isConflict = save.error instanceof ApiError && save.error.status === 412;
  return (
    <div className="stack">
      <TextAreaField label="Content" value={edited} onChange={setEdited} rows={ROWS} />
      {path.endsWith(".json") && jsonFault(edited) !== undefined
        ? <Note tone="warn">Not JSON: {jsonFault(edited)}</Note>
        : null}
      {save.error === null ? null : <ErrorNote error={save.error} />}
      <div className="actions">
        {isConflict
          ? <Button look="danger" onClick={() => mutate({ anyway: true })}>Overwrite</Button>
          : null}
        <Button onClick={() => setEdited(text)} disabled={!isChanged}>Discard changes</Button>
        <Button
          look="primary"
          busy={save.isPending}
          disabled={!isChanged}
          onClick={() => mutate({ anyway: false })}
        >
          Save
        </Button>
      </div>
    </div>
  );
}

function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

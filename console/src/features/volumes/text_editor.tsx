import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ApiError, type Volume } from "../../api/client.ts";
import { readStored, writeStored } from "../../browser/stored.ts";
import { Button } from "../../parts/button.tsx";
import { TextAreaField } from "../../parts/field.tsx";
import { normalized, withLineEnds } from "../../parts/files.ts";
import { useShortcuts } from "../../parts/shortcuts.tsx";
import { ErrorNote, Note } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { errorText } from "../../parts/violations.ts";
import { contentQuery, writeFile } from "./queries.ts";

/** A text file as it was read, with its own line ends. */
interface FileText {
  readonly text: string;
  readonly etag: string;
}

interface Draft {
  /** As a text field has it. */
  readonly text: string;
  /** What the changes are made to. */
  readonly base: FileText;
}

interface DraftState extends Draft {
  readonly isChanged: boolean;
  /** Whether somebody else has written the file since. */
  readonly isBehind: boolean;
  readonly edit: (text: string) => void;
  readonly discard: () => void;
  /** Makes what was saved the base of what has been typed since. */
  readonly rebase: (saved: FileText) => void;
}

/**
 * The text that is edited: this browser keeps it until it is saved or discarded. A text that is written elsewhere
 * replaces it only while it has no change, so that a save knows the text that it would overwrite.
 */
function useFileDraft(volumeId: string, path: string, current: FileText): DraftState {
  const key = `volume.${volumeId}.${path}`;
  const fresh = { text: normalized(current.text), base: current };
  const [draft, setDraft] = useState<Draft>(() => readStored<Draft>(key) ?? fresh);
  const isChanged = draft.text !== normalized(draft.base.text);
  const isSame = !isChanged || draft.text === fresh.text;
  if (isSame && draft.base.etag !== current.etag) {
    setDraft(fresh);
    writeStored(key, undefined);
  }
  return {
    ...draft,
    isChanged,
    isBehind: isChanged && draft.base.etag !== current.etag,
    edit: (text) => {
      const edited = { text, base: draft.base };
      setDraft(edited);
      writeStored(key, text === normalized(draft.base.text) ? undefined : edited);
    },
    rebase: (saved) => {
      setDraft(({ text }) => {
        const kept = { text, base: saved };
        writeStored(key, text === normalized(saved.text) ? undefined : kept);
        return kept;
      });
    },
    discard: () => {
      setDraft(fresh);
      writeStored(key, undefined);
    },
  };
}

const ROWS = 24;
const NOT_SAVED = "Not saved: the file has changed since you began. Your text is kept here.";

/** Edits a text file. Saving fails if somebody wrote the file meanwhile; the text stays. */
export function TextEditor({ volume, path, text, etag }: {
  readonly volume: Volume;
  readonly path: string;
  readonly text: string;
  readonly etag: string;
}) {
  const draft = useFileDraft(volume.id, path, { text, etag });
  const { text: edited, isChanged, edit, discard } = draft;
  const save = useSave(volume.id, path, draft);
  const { mutate, reset } = save;
  useShortcuts(useMemo(() => [
    {
      keys: "Mod+S",
      label: "Save the file",
      run: () => isChanged && mutate({ anyway: false }),
    },
  ], [mutate, isChanged]));
  const isNotSaved = save.error instanceof ApiError && save.error.status === 412;
  return (
    <div className="stack">
      {draft.isBehind && !isNotSaved && (
        <Note tone="warn">The file has changed since you began. Your text is kept here.</Note>
      )}
      {save.error === null ? null : <ErrorNote error={isNotSaved ? NOT_SAVED : save.error} />}
      <TextAreaField label="Content" value={edited} onChange={edit} rows={ROWS} />
      {path.endsWith(".json") && jsonViolation(edited) !== undefined && (
        <Note tone="warn">Not JSON: {jsonViolation(edited)}</Note>
      )}
      <div className="actions">
        {(isNotSaved || draft.isBehind) && (
          <Button
            look="danger"
            onClick={() => mutate({ anyway: true })}
          >
            Overwrite
          </Button>
        )}
        <Button
          onClick={() => {
            discard();
            reset();
          }}
          disabled={!isChanged}
        >
          Discard changes
        </Button>
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

/** Writes the draft of a file. */
function useSave(volumeId: string, path: string, draft: DraftState) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (options: { readonly anyway: boolean }): Promise<FileText> => {
      const expected = options.anyway ? undefined : draft.base.etag;
      const text = withLineEnds(draft.text, draft.base.text);
      const etag = await writeFile(volumeId, path, new Blob([text]), expected);
      return { text, etag };
    },
    onSuccess: async (saved) => {
      const bytes = new TextEncoder().encode(saved.text);
      const content = { bytes, size: bytes.length, etag: saved.etag };
      queries.setQueryData(contentQuery(volumeId, path).queryKey, content);
      draft.rebase(saved);
      toast("Saved");
      await queries.invalidateQueries({ queryKey: ["volume"] });
    },
  });
}

function jsonViolation(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

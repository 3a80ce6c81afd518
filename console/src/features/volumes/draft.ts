import { useState } from "react";
import { readStored, writeStored } from "../../browser/stored.ts";
import { normalized } from "./line_ends.ts";

/** A text file as it was read, with its own line ends. */
export interface FileText {
  readonly text: string;
  readonly etag: string;
}

interface Draft {
  /** As a text field has it. */
  readonly text: string;
  /** What the changes are made to. */
  readonly base: FileText;
}

export interface DraftState extends Draft {
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
export function useFileDraft(volumeId: string, path: string, current: FileText): DraftState {
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

import type { ReactNode } from "react";
import { DraftDialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/field.tsx";
import { useStillHere } from "./list_position.tsx";

/** Asks for the name of something new, creates it, and leads to its page. */
export function NewNamed({ title, description, create, onClose }: {
  readonly title: string;
  readonly description?: ReactNode;
  /** Answers what opens the new page. */
  readonly create: (displayName: string) => Promise<() => unknown>;
  readonly onClose: () => void;
}) {
  const whileHere = useStillHere();
  const submit = async ({ displayName }: { readonly displayName: string }) => {
    const isHere = whileHere();
    const open = await create(displayName);
    onClose();
    if (isHere()) await open();
  };
  return (
    <DraftDialog
      title={title}
      description={description}
      action="Create"
      start={{ displayName: "" }}
      canSubmit={({ displayName }) => displayName.trim() !== ""}
      onSubmit={submit}
      onClose={onClose}
    >
      {({ field }) => <TextField label="Name" {...field("displayName")} autoFocus />}
    </DraftDialog>
  );
}

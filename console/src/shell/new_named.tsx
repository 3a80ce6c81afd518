import { type ReactNode, useState } from "react";
import { FormDialog } from "../parts/dialog.tsx";
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
  const [displayName, setName] = useState("");
  const whileHere = useStillHere();
  const submit = async () => {
    const isHere = whileHere();
    const open = await create(displayName);
    onClose();
    if (isHere()) await open();
  };
  return (
    <FormDialog
      title={title}
      description={description}
      action="Create"
      unsaved={displayName !== ""}
      disabled={displayName.trim() === ""}
      fields={["displayName"]}
      onSubmit={submit}
      onClose={onClose}
    >
      {(violation) => (
        <TextField
          label="Name"
          value={displayName}
          onChange={setName}
          error={violation("displayName")}
          autoFocus
        />
      )}
    </FormDialog>
  );
}

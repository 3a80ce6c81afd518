import { type FormEvent, useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { CancelButton } from "../../../parts/cancel_button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { TextField } from "../../../parts/field.tsx";
import { pathFault } from "./paths.ts";

/** Asks for the path of a file. */
export function PathDialog(props: {
  readonly title: string;
  readonly action: string;
  readonly initial: string;
  readonly taken: readonly string[];
  readonly onClose: () => void;
  readonly onPath: (path: string) => void;
}) {
  const [path, setPath] = useState(props.initial);
  const [fault, setFault] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = pathFault(path, props.taken);
    setFault(found);
    if (found !== undefined) return;
    props.onPath(path);
    props.onClose();
  };
  return (
    <Dialog
      open
      onClose={props.onClose}
      title={props.title}
      unsaved={path !== props.initial}
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Path"
          hint="Relative to the function, such as main.test.ts or lib/text.ts"
          mono
          autoFocus
          value={path}
          onChange={setPath}
          error={fault}
        />
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary">{props.action}</Button>
        </div>
      </form>
    </Dialog>
  );
}

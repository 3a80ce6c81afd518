import { type FormEvent, useState } from "react";
import { Button } from "../parts/button.tsx";
import { CodeBlock } from "../parts/code.tsx";
import { TextField } from "../parts/field.tsx";
import { errorText } from "../parts/violations.ts";
import { codeOf, signIn } from "./session.ts";

/** Redeems a pasted link or code. */
export function SignInForm(
  { onSignedIn, onTyped }: {
    readonly onSignedIn: () => void;
    /** Reports whether the field has a text. */
    readonly onTyped?: (isTyped: boolean) => void;
  },
) {
  const [text, setText] = useState("");
  const [state, setState] = useState<{ busy: boolean; error?: string }>({
    busy: false,
  });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      await signIn(codeOf(text));
      onSignedIn();
    } catch (error) {
      setState({
        busy: false,
        error: errorText(error),
      });
    }
  };
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <p>
        Run this command on the server to get a one-time link. In a clone of the repository, it
        begins with <code>bin/invoked</code>:
      </p>
      <CodeBlock text="invoked console link" label="the command" />
      <TextField
        label="Link or code"
        value={text}
        onChange={(typed) => {
          setText(typed);
          onTyped?.(typed !== "");
        }}
        error={state.error}
        mono
        autoFocus
      />
      <div className="actions">
        <Button
          type="submit"
          look="primary"
          busy={state.busy}
          disabled={text.trim() === ""}
        >
          Sign in
        </Button>
      </div>
    </form>
  );
}

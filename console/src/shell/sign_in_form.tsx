import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Button } from "../parts/button.tsx";
import { CodeBlock } from "../parts/code.tsx";
import { TextField } from "../parts/field.tsx";
import { errorText } from "../parts/violations.ts";
import { codeOf, providerUrl, sessionQuery, signIn } from "./session.ts";

/** Signs in with the OpenID Connect provider, if the server has one, or with a pasted link or code. */
export function SignInForm({ returnTo, onSignedIn, onTyped }: {
  /** The page that the browser shows once the person has signed in with the provider. */
  readonly returnTo: string;
  readonly onSignedIn: () => void;
  /** Reports whether the field has a text. */
  readonly onTyped?: (isTyped: boolean) => void;
}) {
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
  const { data: session } = useQuery(sessionQuery);
  const { providerSignInPath, isProviderOnly = false } = session ?? {};
  const hasProvider = providerSignInPath !== undefined;
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <Ways
        href={providerSignInPath && providerUrl(providerSignInPath, returnTo)}
        isProviderOnly={isProviderOnly}
      />
      <CodeBlock
        text={isProviderOnly ? "invoked console link --owner" : "invoked console link"}
        label="the command"
      />
      <TextField
        label="Link or code"
        value={text}
        onChange={(typed) => {
          setText(typed);
          onTyped?.(typed !== "");
        }}
        error={state.error}
        mono
        autoFocus={!hasProvider}
      />
      <div className="actions">
        <Button
          type="submit"
          look={hasProvider ? "normal" : "primary"}
          busy={state.busy}
          disabled={text.trim() === ""}
        >
          Sign in
        </Button>
      </div>
    </form>
  );
}

/** Leads to the provider, and introduces the command that prints a link. */
function Ways({ href, isProviderOnly }: {
  /** Begins the sign-in with the provider; undefined without a provider. */
  readonly href: string | undefined;
  readonly isProviderOnly: boolean;
}) {
  if (href === undefined) {
    return (
      <p>
        Run this command on the server to get a one-time link. In a clone of the repository, it
        begins with <code>bin/invoked</code>:
      </p>
    );
  }
  return (
    <>
      <a className="button button-primary sign-in-provider" href={href}>
        Sign in with your company account
      </a>
      <p className="muted">
        {isProviderOnly
          ? "If the company's sign-in does not work, run this command on the server's host:"
          : "Or with a one-time link, which this command on the server prints:"}
      </p>
    </>
  );
}

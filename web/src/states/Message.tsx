/** A page without photos says why, and what to do. */
import type { ComponentChildren } from "preact";
import { PhotoIcon } from "../icons";

interface MessageProps {
  title: string;
  /** The page has its main heading already, above this. */
  under?: boolean;
  children: ComponentChildren;
}

export function Message({ title, under = false, children }: MessageProps) {
  const Heading = under ? "h2" : "h1";
  return (
    <section class="message">
      <PhotoIcon />
      <Heading class="message-title">{title}</Heading>
      {children}
    </section>
  );
}

/** A photo's tags: people's and its file's as chips, machine tags as a list to open. */
import type { MachineTag, Origin, PhotoDetails, Tag } from "../api";
import { CloseIcon, FileIcon } from "../icons";
import { useChanges } from "../observable";
import { machineTagQuery, tagQuery } from "../search/query_text";
import { server } from "../server/server";
import { queryHref } from "../url";
import { formatShare } from "./measures";
import { Section } from "./SeenFacts";
import { TagEditor } from "./TagEditor";
import { tagEditing } from "./tag_editing";

const ORIGINS: Record<Origin, string> = { user: "by you", file: "from the file", auto: "by the network" };

export function TagFacts({ photo }: { photo: PhotoDetails }) {
  const { tags, machine_tags } = photo.seen;
  const writable = useChanges(server).status?.writable ?? false;
  return (
    <>
      {(tags.length > 0 || writable) && (
        <Section title="Tags">
          {tags.length > 0 && (
            <ul class="keywords">
              {tags.map((tag) => (
                <TagChip key={tag.tag} tag={tag} writable={writable} />
              ))}
            </ul>
          )}
          {writable && <TagEditor photo={photo.id} />}
        </Section>
      )}
      {machine_tags.length > 0 && <MachineTags tags={machine_tags} />}
    </>
  );
}

function TagChip({ tag: { raw, origin }, writable }: { tag: Tag; writable: boolean }) {
  return (
    <li class={writable ? "removable" : ""} title={ORIGINS[origin]}>
      <a href={queryHref(tagQuery(raw))} aria-label={`${raw}, ${ORIGINS[origin]}`}>
        {origin === "file" && <FileIcon />}
        {raw}
      </a>
      {writable && (
        <button
          type="button"
          class="tag-remove"
          onClick={() => void tagEditing.remove(raw)}
          aria-label={`Take off the tag ${raw}`}
          title="Take it off"
        >
          <CloseIcon />
        </button>
      )}
    </li>
  );
}

function MachineTags({ tags }: { tags: MachineTag[] }) {
  return (
    <details class="fact-section folded machine-tags">
      <summary>
        Machine tags <span class="origin">{tags.length}</span>
      </summary>
      <ul>
        {tags.map((tag) => (
          <li key={`${tag.namespace}:${tag.predicate}=${tag.value}`} title={ORIGINS[tag.origin]}>
            <a href={queryHref(machineTagQuery(tag))}>
              {tag.namespace}:{tag.predicate}=<b>{tag.raw}</b>
            </a>
            {tag.origin === "auto" && <span class="meter-figure">{formatShare(tag.score)}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}

import { useState } from 'preact/hooks';

export function CopyId({ id }: { id: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <>
      <code>{id}</code>{' '}
      <button
        type="button"
        class="link copy"
        aria-label={`Copy the id ${id}`}
        onClick={() => void navigator.clipboard?.writeText(id).then(() => setCopied(true))}
      >
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </>
  );
}

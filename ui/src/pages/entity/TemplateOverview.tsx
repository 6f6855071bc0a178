import type { Entity } from '@/api/types';
import { Panel } from './RelatedList';
import { readTemplate } from './template';

/** What a template asks for and does; running it is another page's business. */
export function TemplateOverview({ entity }: { entity: Entity }) {
  const { pages, steps } = readTemplate(entity);
  return (
    <>
      <Panel title="Asks for" count={pages.reduce((sum, page) => sum + page.fields.length, 0)}>
        {pages.length === 0 && <p className="panel-note">It runs without any input.</p>}
        {pages.map((page, at) => (
          <div className="template-page" key={at}>
            <h3>{page.title}</h3>
            <table className="mini-table">
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Type</th>
                  <th scope="col">About</th>
                </tr>
              </thead>
              <tbody>
                {page.fields.map(({ name, title, type, required, description }) => (
                  <tr key={name}>
                    <td>
                      {title}
                      {required && <span className="required">required</span>}
                    </td>
                    <td className="mono">{type}</td>
                    <td className="muted">{description}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ))}
      </Panel>
      <Panel title="Steps" count={steps.length}>
        <ol className="template-steps">
          {steps.map((step, at) => (
            <li key={at}>
              <span className="step-number num">{at + 1}</span>
              <span>
                {step.name}
                <span className="mono muted">{step.action}</span>
              </span>
              {step.condition && (
                <span className="tag">
                  <span>conditional</span>
                </span>
              )}
            </li>
          ))}
        </ol>
      </Panel>
    </>
  );
}

"""How the pages look: style sheets, and the template of a lesson's page for nbconvert."""

__all__ = ["CSS", "LESSON_CSS", "TEMPLATE"]

CSS = """
:root { color-scheme: light dark; --ink: #1b2733; --quiet: #5b6875; --paper: #fbfaf7; --card: #fff;
  --line: #dcdfe3; --link: #0b5cad; --good: #1d6b3f; --bad: #a8321f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --quiet: #a0abb6; --paper: #14191f;
  --card: #1d242c; --line: #36404a; --link: #7db8f0; --good: #7fd0a0; --bad: #f29a87; } }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; } h2 { margin: 0; font-size: 1.15rem; }
a { color: var(--link); } .quiet { color: var(--quiet); font-size: .9rem; margin: .3rem 0; }
article { display: flex; gap: 1.25rem; align-items: flex-start; margin-top: 1rem;
  padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; }
article > div { flex: 1; min-width: 0; } article p { margin: .4rem 0; overflow-wrap: anywhere; }
article img { width: 11rem; max-height: 9rem; object-fit: contain; background: #fff;
  border-radius: .25rem; }
.done { color: var(--good); } .failed { color: var(--bad); } .headline { font-weight: 600; }
pre { overflow-x: auto; font-size: .8rem; color: var(--quiet); }
@media (max-width: 36rem) { article { flex-direction: column; } article img { width: 100%; } }
"""

# On top of JupyterLab's own style sheet: a column that can be read, and room for it on a phone.
LESSON_CSS = """
body.jp-Notebook { max-width: 56rem; margin: 0 auto; padding: 1rem; box-sizing: border-box; }
.course { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; justify-content: space-between;
  padding: .5rem 0; border-bottom: 1px solid #dcdfe3; color: #5b6875;
  font: .9rem system-ui, sans-serif; }
.course a { color: #0b5cad; } .failure a { text-decoration: underline; }
.failure { margin: 1rem 0; padding: .6rem 1rem; color: #7c2011;
  border-left: .3rem solid #a8321f; background: #fdf0ed; font: 1rem system-ui, sans-serif; }
.highlight pre { overflow-x: auto; }
.jp-RenderedImage img { max-width: 100%; height: auto; }
.jp-OutputArea-output { overflow-x: auto; }
@media (max-width: 40rem) { .jp-InputPrompt, .jp-OutputPrompt { display: none; }
  .jp-Cell { padding: .25rem 0; } body.jp-Notebook { padding: .5rem; } }
"""

# JupyterLab's page without what it would fetch from elsewhere; formulas, where a lesson has any,
# are the exception, and stay readable as they were typed when MathJax cannot be reached.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}
{%- if resources.formulas -%}
{{ super() | replace('<script src', '<script defer src') }}
{%- endif -%}
{%- endblock -%}
{%- block html_head_css -%}<style>{{ resources.css }}</style>{%- endblock -%}
{%- block body_header -%}{{ super() }}{{ resources.top }}{%- endblock -%}
{%- block data_png scoped -%}
{{ super() | replace('<img ', '<img alt="' ~ (output.metadata.alt | e) ~ '" ') }}
{%- endblock -%}
"""

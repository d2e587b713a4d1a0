"""Real files of every kind, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docx
from fpdf import FPDF

PARAGRAPH = (
    "The landlord returns the deposit within two weeks after the keys were handed over. "
    "Deductions need a receipt, and the tenant may ask for it. "
)


def make_pdf(path: Path, *, password: str = "", pages: int = 1) -> Path:
    pdf = FPDF()
    pdf.set_title("Tenancy handbook")
    for number in range(1, pages + 1):
        pdf.add_page()
        pdf.set_font("Helvetica", size=9)
        pdf.cell(text="Tenancy handbook, second edition", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(8)
        pdf.set_font("Helvetica", style="B", size=18)
        pdf.cell(text=f"Chapter {number}: Deposits", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(4)
        pdf.set_font("Helvetica", size=11)
        pdf.multi_cell(w=0, text=PARAGRAPH * 2, new_x="LMARGIN", new_y="NEXT")
        pdf.ln(6)
        pdf.multi_cell(
            w=0, text=f"Rule {number} holds in every region.", new_x="LMARGIN", new_y="NEXT"
        )
        pdf.ln(6)
        rows = [["Term", "Weeks"], ["short lease", "two"], ["long lease", "six"]]
        with pdf.table(width=80) as table:
            for row in rows:
                cells = table.row()
                for cell in row:
                    cells.cell(cell)
        pdf.set_y(-20)
        pdf.cell(text=f"Page {number}")
    if password:
        pdf.set_encryption(owner_password="owner", user_password=password)
    pdf.output(str(path))
    return path


def make_scanned_pdf(path: Path) -> Path:
    """Pages with a drawing and no letter on them."""
    pdf = FPDF()
    pdf.add_page()
    pdf.rect(20, 20, 100, 150)
    pdf.output(str(path))
    return path


def make_two_columns(path: Path, left: str, right: str) -> Path:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=10)
    for x, text in ((15, left), (110, right)):
        pdf.set_xy(x, 30)
        pdf.multi_cell(w=80, text=text, align="L")
    pdf.output(str(path))
    return path


def make_docx(path: Path) -> Path:
    document: Any = docx.Document()
    document.core_properties.title = "House rules"
    document.add_heading("Quiet hours", level=1)
    document.add_paragraph(PARAGRAPH)
    document.add_heading("At night", level=2)
    document.add_paragraph("No drilling after ten in the evening.", style="List Bullet")
    document.add_paragraph("No parties on weekdays.", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for at, cell in enumerate(["Day", "Hours", "Sunday", "all day long"]):
        table.cell(at // 2, at % 2).text = cell
    document.save(str(path))
    return path

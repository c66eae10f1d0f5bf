"""`make reference`: writes the pages that follow from the code. Read the difference, then commit it."""

from tests.docs import commands_page, recipe_page

if __name__ == "__main__":
    for each in (commands_page, recipe_page):
        each.PAGE.write_text(each.page(), encoding="utf-8")

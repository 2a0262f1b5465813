-- What Quarto gives to a page and pandoc alone does not: numbers beside equations, links from notebook to notebook.
-- `root` leads from the page to the top of the site, `site` is the address of the published site; `links` and `images`,
-- where given (for the README), are put before the addresses of pages and pictures.

local root, site, links, images, tags = "", "", nil, nil, {}

local function settings(meta)
  local function text(key) return meta[key] and pandoc.utils.stringify(meta[key]) or nil end
  root, site, links, images = text("root") or "", text("site") or "", text("links"), text("images")
end

local function page(address)        -- ../02_optimization/03_losses.ipynb#mse -> ../02_optimization/losses.html#mse
  local folder, name, rest = address:match("^([^#?]-)([^/#?]+)%.ipynb(.*)$")
  if not folder then folder, name, rest = address:match("^([^#?]-)([^/#?]+)%.qmd(.*)$") end
  return folder and folder .. name:lower():gsub("^%d+%w*_", "") .. ".html" .. rest or address
end

local function link(el)
  if el.target:match("^%a+:") then
    if site ~= "" and not links and el.target:sub(1, #site) == site then el.target = root .. el.target:sub(#site + 1) end
  elseif el.target:match("^[^#/]") then
    el.target = (links or "") .. page(el.target)
  end
  return el
end

local function image(el)
  if images and not el.src:match("^%a+:") then el.src = images .. el.src end
  return el
end

local function tag(el)
  local number = el.mathtype == "DisplayMath" and el.text:match("\\tag%s*{([^}]*)}")
  if number then tags[number] = true end
  return number
end

local function formula(el)          -- $$ ... \tag{1} $$ -> a box with the formula, and (1) at the margin, that links to itself
  if el.mathtype ~= "DisplayMath" or links then return nil end
  local number = tag(el)
  el.text = el.text:gsub("%s*\\tag%s*{[^}]*}", "")
  local box = pandoc.Span({el}, pandoc.Attr(number and "eq-" .. number or "", {"equation"}))
  if number then box.content:insert(pandoc.Link("(" .. number .. ")", "#eq-" .. number, "", {class = "number"})) end
  return box
end

local function alone(el)            -- a formula between two blank lines is no paragraph, and may be wider than one
  if #el.content == 1 and el.content[1].tag == "Math" and not links then return pandoc.Plain(el.content) end
end

local function cite(inlines)        -- (1) in the text -> a link to equation (1), unless it is the one "(1) of" another lesson
  if links then return nil end
  for i = #inlines, 1, -1 do
    local number, rest = (inlines[i].text or ""):match("^%(([%w.]+)%)(.*)$")
    local after = inlines[i + 2]
    if inlines[i].tag == "Str" and tags[number] and not (rest == "" and after and after.text == "of") then
      inlines[i] = pandoc.Link("(" .. number .. ")", "#eq-" .. number, "", {class = "cite"})
      if rest ~= "" then inlines:insert(i + 1, pandoc.Str(rest)) end
    end
  end
  return inlines
end

return {{Meta = settings}, {Math = function(el) tag(el) end}, {Para = alone, Inlines = cite}, {Link = link, Image = image, Math = formula}}
